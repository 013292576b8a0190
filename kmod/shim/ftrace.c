// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks into the kernel.
 *
 *   read(), a page is absent ------> page_cache_sync_ra() ---.
 *   read(), the marked page -------> page_cache_async_ra() --+
 *                                       ^                    |
 *   fault, the marked page ---------.   | (MADV_SEQUENTIAL,  |
 *                                   |   |  or the mark)      |
 *   fault, a page is absent -----> filemap_fault() --------. |
 *                                                          v v
 *                                              page_cache_ra_order() -> I/O
 *
 * Waits for the page of a miss go through io_schedule(), which is hooked for
 * policies that want to know of waits.
 *
 * All but page_cache_ra_order() are wrapped. ftrace sends their callers to a
 * wrapper of read.c, fault.c or wait.c (IPMODIFY, as livepatch does). The
 * wrapper asks the policy and calls the original. A call from this module passes
 * unwrapped. A limit holds for one call alone: the wrapper of the read path gives
 * the original a private copy of the file's readahead state then.
 *
 * Every window that the kernel computes passes through page_cache_ra_order().
 * Tail jumps reach it from functions that our wrappers called: its caller
 * seems to be this module, and a wrapper would let the call pass. The function
 * is not exported either: a wrapper cannot call it where IBT has sealed its
 * ENDBR. Hence the ftrace callback itself changes the window in memory before
 * the function runs.
 *
 * The hook finds the wrapper's decision by task and mapping: a wrapper keeps
 * its decision in a table (underway.c) while it calls the original.
 */

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/srcu.h>

#include <asm/ibt.h>

#include "../core/wait.h"
#include "shim.h"

/* ftrace's trampoline returns to the wrapper: no indirect call is made. */
static __always_inline void raext_redirect(struct ftrace_regs *fregs,
					   void *wrapper)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)wrapper);
}

/* ftrace's call site is the first instruction behind a function's ENDBR. */
static bool raext_is_entry(unsigned long ip, const void *function)
{
	return ip - (unsigned long)function <= ENDBR_INSN_SIZE;
}

/* A cached page costs this look and no more. */
static __always_inline void raext_redirect_fault(struct ftrace_regs *fregs,
						 unsigned long parent_ip,
						 u32 event)
{
	if (!event || within_module(parent_ip, THIS_MODULE))
		return;
	raext_redirect(fregs, event == BPF_FS_RA_MARK ? raext_fault_marked :
							raext_fault_absent);
}

static void notrace raext_hook_wrap(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *op,
				    struct ftrace_regs *fregs)
{
	void *arg = (void *)ftrace_regs_get_argument(fregs, 0);

	if (raext_is_entry(ip, filemap_fault))
		raext_redirect_fault(fregs, parent_ip, raext_fault_event(arg));
	else if (within_module(parent_ip, THIS_MODULE))
		return;
	else if (raext_is_entry(ip, page_cache_sync_ra))
		raext_redirect(fregs, raext_page_cache_sync_ra);
	else if (raext_is_entry(ip, page_cache_async_ra))
		raext_redirect(fregs, raext_page_cache_async_ra);
	else
		WARN_ON_ONCE(1);
}

static void notrace raext_hook_wait(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *op,
				    struct ftrace_regs *fregs)
{
	if (raext_wait_expected() && !within_module(parent_ip, THIS_MODULE))
		raext_redirect(fregs, raext_io_schedule);
}

static void notrace raext_hook_window(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *op,
				      struct ftrace_regs *fregs)
{
	struct readahead_control *ractl =
		(void *)ftrace_regs_get_argument(fregs, 0);
	struct raext_call *call = raext_call_find(ractl->mapping);

	if (call)
		raext_hook_put(call, ractl);
}

/*
 * PERMANENT: kernel.ftrace_enabled=0 must not cut off an attached policy; while
 * it is 0, arming fails instead.
 */
static struct ftrace_ops raext_window_ops = {
	.func = raext_hook_window,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

/* One for all that are always hooked, since each ftrace_ops costs a grace period to disarm. */
static struct ftrace_ops raext_wrap_ops = {
	.func = raext_hook_wrap,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static struct ftrace_ops raext_wait_ops = {
	.func = raext_hook_wait,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

/*
 * A filter by name compares the names of all traceable functions of the kernel,
 * some 50,000. Hence a function that is exported is given by its address.
 */
static const struct raext_hook {
	char *function;
	const void *address;
	struct ftrace_ops *ops;
} raext_hooks[] = {
	{ "page_cache_ra_order", NULL, &raext_window_ops },
	{ "page_cache_sync_ra", page_cache_sync_ra, &raext_wrap_ops },
	{ "page_cache_async_ra", page_cache_async_ra, &raext_wrap_ops },
	{ "filemap_fault", filemap_fault, &raext_wrap_ops },
	{ "io_schedule", io_schedule, &raext_wait_ops },
};

/* A window is only met inside of a wrapper: the wrappers last. */
static struct ftrace_ops *const raext_all_ops[] = {
	&raext_window_ops, &raext_wrap_ops, &raext_wait_ops,
};

/* Those that every policy needs are the first. */
#define RAEXT_NR_ALWAYS	2

static int raext_hook_filter(const struct raext_hook *hook)
{
	if (hook->address)
		return ftrace_set_filter_ip(hook->ops,
					    (unsigned long)hook->address, 0, 0);
	return ftrace_set_filter(hook->ops, hook->function,
				 strlen(hook->function), 0);
}

/* ftrace keeps a hook, or may: it must lead into this module for ever. */
static bool raext_stuck;

static void raext_ftrace_stick(int err)
{
	if (raext_stuck)
		return;
	raext_stuck = true;
	__module_get(THIS_MODULE);
	pr_err("ftrace does not let go of a hook (%d): the module stays until the next boot, and takes no policy\n",
	       err);
}

static void raext_ftrace_disarm_one(struct ftrace_ops *ops)
{
	int err = unregister_ftrace_function(ops);

	if (err)
		raext_ftrace_stick(err);
}

/* Disarm the first @nr, the last one first. */
static void raext_ftrace_disarm(size_t nr)
{
	while (nr--)
		raext_ftrace_disarm_one(raext_all_ops[nr]);
}

static int raext_ftrace_arm(struct ftrace_ops *ops)
{
	int err;

	if (raext_stuck)
		return -ENODEV;
	err = register_ftrace_function(ops);
	/* ftrace has failed for good, maybe with this hook patched in. */
	if (err == -ENODEV)
		raext_ftrace_stick(err);
	if (err)
		pr_err("cannot hook the readahead functions (%d)%s\n", err,
		       err == -EBUSY ?
		       ": a livepatch holds one, or kernel.ftrace_enabled is 0" :
		       "");
	return err;
}

/**
 * raext_env_arm - arm the hooks
 *
 * Return: 0 with all hooks armed, or an error with none
 */
int raext_env_arm(void)
{
	size_t i;
	int err;

	for (i = 0; i < RAEXT_NR_ALWAYS; i++) {
		err = raext_ftrace_arm(raext_all_ops[i]);
		if (err) {
			raext_ftrace_disarm(i);
			return err;
		}
	}
	err = raext_selftest();
	if (err)
		raext_ftrace_disarm(i);
	return err;
}

/**
 * raext_env_disarm - disarm the hooks
 *
 * No call enters a wrapper any more. The calls inside finish on their own.
 */
void raext_env_disarm(void)
{
	raext_ftrace_disarm(RAEXT_NR_ALWAYS);
}

/**
 * raext_env_time_waits - begin to time waits
 *
 * Return: 0, or an error
 */
int raext_env_time_waits(void)
{
	return raext_ftrace_arm(&raext_wait_ops);
}

/**
 * raext_env_untime_waits - the opposite of raext_env_time_waits()
 */
void raext_env_untime_waits(void)
{
	raext_ftrace_disarm_one(&raext_wait_ops);
}

/*
 * The filters live as long as the module: ftrace_free_filter() leaves the ops
 * with pointers to what it freed, after which they cannot be armed again.
 */
static void raext_ftrace_free(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_all_ops); i++)
		ftrace_free_filter(raext_all_ops[i]);
}

/**
 * raext_ftrace_init - find the functions to hook, without hooking them
 *
 * Return: 0, or an error if this kernel has one of them not traceable
 */
int raext_ftrace_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_hooks); i++) {
		const struct raext_hook *hook = &raext_hooks[i];
		int err = raext_hook_filter(hook);

		if (err) {
			pr_err("this kernel has no traceable %s (%d)\n",
			       hook->function, err);
			raext_ftrace_free();
			return err;
		}
	}
	return 0;
}

/**
 * raext_ftrace_exit - wait until no task runs in this module
 *
 * To be called with the hooks disarmed. A task that ftrace sent to a wrapper
 * may have been preempted before it entered the SRCU section or after it left
 * it: both are short of a voluntary sleep, which synchronize_rcu_tasks()
 * waits for.
 */
void raext_ftrace_exit(void)
{
	synchronize_rcu_tasks();
	synchronize_srcu(&raext_srcu);
	synchronize_rcu_tasks();
	raext_ftrace_free();
}
