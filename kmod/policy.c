// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attached policies, their scopes, and the choice of the policy of a
 * decision.
 *
 * A scope is a cgroup and a device. Either may be 0 for "any". A scope has at
 * most one policy. The most specific scope that matches a task and a file
 * wins:
 *
 *	cgroup and device, the nearest cgroup first
 *	cgroup, the nearest first
 *	device
 *	any
 *
 * A decision holds a reference to its policy from beginning to end, so that
 * its counts are not lost. The callbacks go away earlier: raext_policy_detach()
 * waits for the running ones. Their readers hold RCU from raext_policy_ops()
 * to the end of the callback.
 */

#include <linux/bpf.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>

#include "raext.h"
#include "policy.h"

static DEFINE_HASHTABLE(raext_policies, 6);
static DEFINE_MUTEX(raext_policies_lock);
static unsigned int raext_nr_policies;

static u64 raext_key(u64 cgroup_id, u32 dev)
{
	return cgroup_id ^ ((u64)dev << 32);
}

static struct raext_policy *raext_policy_at(u64 cgroup_id, u32 dev)
{
	struct raext_policy *policy;

	hash_for_each_possible_rcu(raext_policies, policy, node,
				   raext_key(cgroup_id, dev),
				   lockdep_is_held(&raext_policies_lock)) {
		if (policy->cgroup_id == cgroup_id && policy->dev == dev)
			return policy;
	}
	return NULL;
}

static struct raext_policy *raext_policy_below(struct cgroup *cgroup, u32 dev)
{
	struct raext_policy *policy = NULL;

	for (; cgroup && !policy; cgroup = cgroup_parent(cgroup))
		policy = raext_policy_at(cgroup_id(cgroup), dev);
	return policy;
}

/**
 * raext_policy_get - find the policy that the current task has for a file
 * @dev: of the file
 *
 * Return: the policy, to be given back by raext_policy_put(), or NULL where
 * the kernel decides
 */
struct raext_policy *raext_policy_get(u32 dev)
{
	struct raext_policy *policy;
	struct cgroup *cgroup;

	rcu_read_lock();
	cgroup = task_dfl_cgroup(current);
	policy = raext_policy_below(cgroup, dev);
	if (!policy)
		policy = raext_policy_below(cgroup, 0);
	if (!policy)
		policy = raext_policy_at(0, dev);
	if (!policy)
		policy = raext_policy_at(0, 0);
	if (policy && (raext_guard_tripped(policy) ||
		       !refcount_inc_not_zero(&policy->refs)))
		policy = NULL;
	rcu_read_unlock();
	return policy;
}

static void raext_policy_free(struct rcu_head *rcu)
{
	struct raext_policy *policy =
		container_of(rcu, struct raext_policy, rcu);

	free_percpu(policy->counters);
	kfree(policy);
}

/**
 * raext_policy_put - the opposite of raext_policy_get()
 * @policy: the policy
 */
void raext_policy_put(struct raext_policy *policy)
{
	if (refcount_dec_and_test(&policy->refs))
		call_rcu(&policy->rcu, raext_policy_free);
}

/**
 * raext_policy_ops - a policy's callbacks
 * @policy: the policy
 *
 * Context: RCU read side, which must last as long as the result is used.
 *
 * Return: the callbacks, or NULL once it is detached
 */
const struct bpf_fs_readahead_ops *raext_policy_ops(struct raext_policy *policy)
{
	return rcu_dereference(policy->ops);
}

const char *raext_policy_name(const struct raext_policy *policy)
{
	return policy->name[0] ? policy->name : "-";
}

/**
 * raext_policy_id - the id of a policy for users
 * @policy: the policy
 *
 * Return: the id of its link, 0 if it was attached without one
 */
u32 raext_policy_id(const struct raext_policy *policy)
{
	return policy->link ? policy->link->id : 0;
}

/* Note the task that attaches, for the table of policies. */
static void raext_policy_sign(struct raext_policy *policy,
			      const struct bpf_fs_readahead_ops *ops)
{
	strscpy(policy->name, ops->name, sizeof(policy->name));
	policy->since = ktime_get_real_seconds();
	policy->pid = task_tgid_nr(current);
	policy->uid = from_kuid_munged(&init_user_ns, current_uid());
	get_task_comm(policy->comm, current);
}

static struct raext_policy *
raext_policy_alloc(const struct bpf_fs_readahead_ops *ops,
		   struct bpf_link *link)
{
	struct raext_policy *policy = kzalloc(sizeof(*policy), GFP_KERNEL);

	if (!policy)
		return NULL;
	policy->counters = raext_counters_alloc();
	if (!policy->counters) {
		kfree(policy);
		return NULL;
	}
	refcount_set(&policy->refs, 1);
	RCU_INIT_POINTER(policy->ops, ops);
	policy->link = link;
	policy->cgroup_id = ops->cgroup_id;
	policy->dev = ops->dev;
	raext_policy_sign(policy, ops);
	return policy;
}

/**
 * raext_policy_attach - attach a policy
 * @ops: its callbacks and its scope; stay valid until raext_policy_detach()
 * @link: the BPF link that attaches the policy
 *
 * Return: 0, -EBUSY if the scope has a policy already or if another user of
 * the hooked functions (a livepatch) keeps the hooks from being armed,
 * -ENOMEM
 */
int raext_policy_attach(struct bpf_fs_readahead_ops *ops, struct bpf_link *link)
{
	struct raext_policy *policy;
	int err;

	mutex_lock(&raext_policies_lock);
	if (raext_policy_at(ops->cgroup_id, ops->dev)) {
		err = -EBUSY;
		goto unlock;
	}
	policy = raext_policy_alloc(ops, link);
	if (!policy) {
		err = -ENOMEM;
		goto unlock;
	}
	err = raext_guard_start(policy, ops->guard_percent);
	if (err)
		goto put;
	hash_add_rcu(raext_policies, &policy->node,
		     raext_key(policy->cgroup_id, policy->dev));
	if (!raext_nr_policies)
		err = raext_hooks_arm();
	if (!err) {
		raext_nr_policies++;
		goto unlock;
	}
	hash_del_rcu(&policy->node);
	raext_guard_stop(policy);
put:
	raext_policy_put(policy);
unlock:
	mutex_unlock(&raext_policies_lock);
	return err;
}

static struct raext_policy *
raext_policy_with(const struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy;
	int bucket;

	hash_for_each(raext_policies, bucket, policy, node) {
		if (rcu_access_pointer(policy->ops) == ops)
			return policy;
	}
	return NULL;
}

/**
 * raext_policy_replace - replace a policy in its scope
 * @ops: the new one's callbacks; with the same scope
 * @old: the old one's
 *
 * Every decision finds the one or the other. The counters keep their values.
 *
 * Return: 0, -EINVAL if the scope is another one, -ENOENT
 */
int raext_policy_replace(struct bpf_fs_readahead_ops *ops,
			 struct bpf_fs_readahead_ops *old)
{
	struct raext_policy *policy;
	int err = 0;

	mutex_lock(&raext_policies_lock);
	policy = raext_policy_with(old);
	if (!policy)
		err = -ENOENT;
	else if (policy->cgroup_id != ops->cgroup_id || policy->dev != ops->dev)
		err = -EINVAL;
	else
		err = raext_guard_restart(policy, ops->guard_percent);
	if (!err) {
		rcu_assign_pointer(policy->ops, ops);
		raext_policy_sign(policy, ops);
	}
	mutex_unlock(&raext_policies_lock);
	/* The old one's callbacks may go once this has returned. */
	synchronize_rcu();
	return err;
}

/**
 * raext_policy_detach - detach a policy
 * @ops: its callbacks
 *
 * On return none of its callbacks runs or will run.
 */
void raext_policy_detach(struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy;

	mutex_lock(&raext_policies_lock);
	policy = raext_policy_with(ops);
	if (policy) {
		hash_del_rcu(&policy->node);
		RCU_INIT_POINTER(policy->ops, NULL);
		if (!--raext_nr_policies)
			raext_hooks_disarm();
		synchronize_rcu();
		raext_guard_stop(policy);
		raext_policy_put(policy);
	}
	mutex_unlock(&raext_policies_lock);
}

/* A task's name may hold any byte. The table shows it as one word. */
static void raext_show_word(struct seq_file *seq, const char *word)
{
	if (!*word)
		seq_putc(seq, '-');
	for (; *word; word++)
		seq_putc(seq, isgraph(*word) ? *word : '_');
}

/**
 * raext_policies_show - print the table of policies
 * @seq: where to
 *
 * The header names the columns. Readers find columns by name, since columns
 * may be added.
 */
void raext_policies_show(struct seq_file *seq)
{
	struct raext_policy *policy;
	int bucket;

	seq_puts(seq,
		 "link name cgroup dev since uid pid comm guard used unused tripped\n");
	mutex_lock(&raext_policies_lock);
	hash_for_each(raext_policies, bucket, policy, node) {
		seq_printf(seq, "%u %s %llu %u:%u %lld %u %d ",
			   raext_policy_id(policy),
			   raext_policy_name(policy), policy->cgroup_id,
			   MAJOR(policy->dev), MINOR(policy->dev),
			   policy->since, policy->uid, policy->pid);
		raext_show_word(seq, policy->comm);
		raext_guard_show(seq, policy);
		seq_putc(seq, '\n');
	}
	mutex_unlock(&raext_policies_lock);
}

/**
 * raext_counters_show - print what each policy did, event by event
 * @seq: where to
 */
void raext_counters_show(struct seq_file *seq)
{
	struct raext_policy *policy;
	int bucket;

	raext_counters_header(seq);
	mutex_lock(&raext_policies_lock);
	hash_for_each(raext_policies, bucket, policy, node)
		raext_counters_rows(seq, policy);
	mutex_unlock(&raext_policies_lock);
}
