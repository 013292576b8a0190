// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bug of each kind that the soak looks for, to see that it would be seen. The
 * module's parameter `bug` chooses; loading it makes the bug and fails then with
 * -EAGAIN, and can be loaded again. For the soak's own kernel, in a
 * microVM that is thrown away afterwards; nowhere else.
 */

#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "";
module_param(bug, charp, 0444);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static int __rcu *published;

/* KASAN */
static void use_after_free(void)
{
	char *memory = kmalloc(64, GFP_KERNEL);

	if (!memory)
		return;
	kfree(memory);
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[5], 1);
}

/* KASAN, too: of the stack, where decisions lie. */
static void stack_overrun(void)
{
	char memory[8] = {};
	char *behind = memory + sizeof(memory);

	OPTIMIZER_HIDE_VAR(behind);
	WRITE_ONCE(*behind, READ_ONCE(*behind));
}

/* kmemleak: the only pointers are in registers and on a stack that is gone. */
static noinline void leak(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		char *memory = kzalloc(192, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(memory);
	}
}

/* lockdep */
static void lock_inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* PROVE_RCU */
static void rcu_unprotected(void)
{
	int *now = rcu_dereference(published);

	OPTIMIZER_HIDE_VAR(now);
}

/* DEBUG_ATOMIC_SLEEP */
static void atomic_sleep(void)
{
	spin_lock(&spin);
	kfree(kmalloc(64, GFP_KERNEL));
	spin_unlock(&spin);
}

/* DEBUG_LIST */
static void list_twice(void)
{
	static LIST_HEAD(list);
	static struct list_head node;

	list_add(&node, &list);
	list_del(&node);
	list_del(&node);
}

static const struct {
	const char *name;
	void (*make)(void);
} bugs[] = {
	{ "use-after-free", use_after_free },
	{ "stack-overrun", stack_overrun },
	{ "leak", leak },
	{ "lock-inversion", lock_inversion },
	{ "rcu-unprotected", rcu_unprotected },
	{ "atomic-sleep", atomic_sleep },
	{ "list-twice", list_twice },
};

static int __init planted_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name)) {
			bugs[i].make();
			return -EAGAIN;
		}
	}
	return -EINVAL;
}
module_init(planted_init);

MODULE_DESCRIPTION("Bugs, to see that they are seen");
MODULE_LICENSE("GPL");
