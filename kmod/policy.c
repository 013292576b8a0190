// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attached policies: who they are, which one a decision belongs to, and
 * what is counted for each.
 *
 * One scope exists so far (any file, any task), hence at most one policy;
 * raext_policy_of() is the place where narrower scopes are to be compared.
 *
 * Readers hold RCU from raext_policy_of() to the end of the callback, so that
 * detaching waits for every callback that is running.
 */

#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "raext.h"

struct raext_counters {
	u64 of[RAEXT_NR_COUNTERS];
};

struct raext_policy {
	struct list_head node;
	const struct bpf_fs_readahead_ops *ops;
	struct raext_counters __percpu *counters;
};

static LIST_HEAD(raext_policies);
static DEFINE_MUTEX(raext_policies_lock);

static void raext_policy_free(struct raext_policy *policy)
{
	free_percpu(policy->counters);
	kfree(policy);
}

static struct raext_policy *
raext_policy_alloc(const struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy = kzalloc(sizeof(*policy), GFP_KERNEL);

	if (!policy)
		return NULL;
	policy->ops = ops;
	policy->counters = alloc_percpu(struct raext_counters);
	if (!policy->counters) {
		kfree(policy);
		return NULL;
	}
	return policy;
}

/**
 * raext_policy_attach - let a policy decide from now on
 * @ops: its callbacks; stay valid until raext_policy_detach()
 *
 * Return: 0, -EBUSY if the scope has a policy already or if another user of
 * the hooked functions (a livepatch) keeps the hooks from being armed,
 * -ENOMEM
 */
int raext_policy_attach(struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy;
	int err;

	mutex_lock(&raext_policies_lock);
	if (!list_empty(&raext_policies)) {
		err = -EBUSY;
		goto unlock;
	}
	policy = raext_policy_alloc(ops);
	if (!policy) {
		err = -ENOMEM;
		goto unlock;
	}
	list_add_rcu(&policy->node, &raext_policies);
	err = raext_hooks_arm();
	if (err) {
		list_del_rcu(&policy->node);
		synchronize_rcu();
		raext_policy_free(policy);
	}
unlock:
	mutex_unlock(&raext_policies_lock);
	return err;
}

/**
 * raext_policy_detach - take a policy's decisions away
 * @ops: what raext_policy_attach() was given
 *
 * On return no callback of it runs, and none will.
 */
void raext_policy_detach(struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy, *found = NULL;

	mutex_lock(&raext_policies_lock);
	list_for_each_entry(policy, &raext_policies, node) {
		if (policy->ops == ops)
			found = policy;
	}
	if (found) {
		list_del_rcu(&found->node);
		if (list_empty(&raext_policies))
			raext_hooks_disarm();
		synchronize_rcu();
		raext_policy_free(found);
	}
	mutex_unlock(&raext_policies_lock);
}

/**
 * raext_policy_of - find the policy that a decision belongs to
 * @d: the decision
 *
 * Context: RCU read side, which must last as long as the result is used.
 *
 * Return: the policy, or NULL where the kernel decides
 */
struct raext_policy *raext_policy_of(const struct raext_decision *d)
{
	return list_first_or_null_rcu(&raext_policies, struct raext_policy,
				      node);
}

const struct bpf_fs_readahead_ops *
raext_policy_ops(const struct raext_policy *policy)
{
	return policy->ops;
}

void raext_count(struct raext_policy *policy, enum raext_counter counter)
{
	this_cpu_inc(policy->counters->of[counter]);
}

static u64 raext_counter_sum(const struct raext_policy *policy,
			     enum raext_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(policy->counters, cpu)->of[counter];
	return sum;
}

/**
 * raext_policies_show - print the table of policies and their counters
 * @seq: where to
 *
 * The header names the columns; readers go by the names, since columns may
 * be added.
 */
void raext_policies_show(struct seq_file *seq)
{
	struct raext_policy *policy;
	int i;

	seq_puts(seq,
		 "name miss mark fault limited windows changed clamped\n");
	mutex_lock(&raext_policies_lock);
	list_for_each_entry(policy, &raext_policies, node) {
		seq_puts(seq, policy->ops->name[0] ? policy->ops->name : "-");
		for (i = 0; i < RAEXT_NR_COUNTERS; i++)
			seq_printf(seq, " %llu", raext_counter_sum(policy, i));
		seq_putc(seq, '\n');
	}
	mutex_unlock(&raext_policies_lock);
}
