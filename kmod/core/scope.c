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
 * its counts are not lost. The callbacks go away earlier: raext_scope_detach()
 * waits for the running ones. Their readers hold RCU from raext_scope_ops()
 * to the end of the callback.
 */

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "ctx.h"
#include "env.h"
#include "scope.h"

static DEFINE_HASHTABLE(raext_scopes, 6);
/* Protects the table of policies, the counts below, the guards and the hooks. */
static DEFINE_MUTEX(raext_scopes_lock);
static unsigned int raext_nr_policies;
static unsigned int raext_nr_waits;
/* Policies with a cgroup, and with a device: where there are none, none is looked up. */
static unsigned int raext_nr_cgroups;
static unsigned int raext_nr_devices;

static u64 raext_key(u64 cgroup_id, u32 dev)
{
	return cgroup_id ^ ((u64)dev << 32);
}

static struct raext_policy *raext_scope_lookup(u64 cgroup_id, u32 dev)
{
	struct raext_policy *policy;

	hash_for_each_possible_rcu(raext_scopes, policy, node,
				   raext_key(cgroup_id, dev),
				   lockdep_is_held(&raext_scopes_lock)) {
		if (policy->cgroup_id == cgroup_id && policy->dev == dev)
			return policy;
	}
	return NULL;
}

static struct raext_policy *raext_scope_lookup_up(struct cgroup *cgroup,
						  u32 dev)
{
	struct raext_policy *policy = NULL;

	for (; cgroup && !policy; cgroup = cgroup_parent(cgroup))
		policy = raext_scope_lookup(cgroup_id(cgroup), dev);
	return policy;
}

/* Whether the kernel decides in the place of a policy that failed. */
static bool raext_is_aside(const struct raext_policy *policy, u64 cgroup_id)
{
	struct raext_guard *guard = rcu_dereference(policy->guard);

	return READ_ONCE(policy->aside) ||
	       (guard && raext_guard_tripped(guard, cgroup_id));
}

/**
 * raext_scope_get - find the policy that the current task has for a file
 * @dev: of the file
 *
 * Return: the policy, to be given back by raext_scope_put(), or NULL where
 * the kernel decides
 */
struct raext_policy *raext_scope_get(u32 dev)
{
	struct raext_policy *policy = NULL;
	struct cgroup *cgroup;

	rcu_read_lock();
	cgroup = task_dfl_cgroup(current);
	if (READ_ONCE(raext_nr_cgroups)) {
		policy = raext_scope_lookup_up(cgroup, dev);
		if (!policy)
			policy = raext_scope_lookup_up(cgroup, 0);
	}
	if (!policy && READ_ONCE(raext_nr_devices))
		policy = raext_scope_lookup(0, dev);
	if (!policy)
		policy = raext_scope_lookup(0, 0);
	if (policy && (raext_is_aside(policy, cgroup_id(cgroup)) ||
		       !percpu_ref_tryget_live_rcu(&policy->ref)))
		policy = NULL;
	rcu_read_unlock();
	return policy;
}

/**
 * raext_scope_put - the opposite of raext_scope_get()
 * @policy: the policy
 */
void raext_scope_put(struct raext_policy *policy)
{
	percpu_ref_put(&policy->ref);
}

static void raext_policy_free(struct raext_policy *policy)
{
	percpu_ref_exit(&policy->ref);
	free_percpu(policy->counters);
	kfree(rcu_access_pointer(policy->label));
	kfree(policy);
}

static void raext_policy_free_rcu(struct rcu_head *rcu)
{
	raext_policy_free(container_of(rcu, struct raext_policy, rcu));
}

/* The last decision of a detached policy has ended. */
static void raext_policy_release(struct percpu_ref *ref)
{
	call_rcu(&container_of(ref, struct raext_policy, ref)->rcu,
		 raext_policy_free_rcu);
}

/**
 * raext_scope_ops - a policy's callbacks
 * @policy: the policy
 *
 * Context: RCU read side, which must last as long as the result is used.
 *
 * Return: the callbacks, or NULL once it is detached
 */
const struct bpf_fs_readahead_ops *raext_scope_ops(struct raext_policy *policy)
{
	return rcu_dereference(policy->ops);
}

/**
 * raext_scope_id - the id of a policy for users
 * @policy: the policy
 *
 * Return: the id of its link, 0 before it has one
 */
u32 raext_scope_id(const struct raext_policy *policy)
{
	return policy->link ? policy->link->id : 0;
}

static struct raext_policy *
raext_policy_alloc(const struct bpf_fs_readahead_ops *ops,
		   struct bpf_link *link)
{
	struct raext_policy *policy = kzalloc(sizeof(*policy), GFP_KERNEL);

	if (!policy)
		return NULL;
	if (percpu_ref_init(&policy->ref, raext_policy_release, 0, GFP_KERNEL)) {
		kfree(policy);
		return NULL;
	}
	policy->counters = raext_counters_alloc();
	RCU_INIT_POINTER(policy->label, raext_label_new(ops));
	if (!policy->counters || !rcu_access_pointer(policy->label)) {
		raext_policy_free(policy);
		return NULL;
	}
	RCU_INIT_POINTER(policy->ops, ops);
	policy->link = link;
	policy->slow_since = jiffies;
	policy->cgroup_id = ops->cgroup_id;
	policy->dev = ops->dev;
	return policy;
}

/* Have the hooks armed, for one policy more. */
static int raext_armed_get(void)
{
	int err = 0;

	lockdep_assert_held(&raext_scopes_lock);
	if (!raext_nr_policies)
		err = raext_env_arm();
	if (!err)
		raext_nr_policies++;
	return err;
}

static void raext_armed_put(void)
{
	lockdep_assert_held(&raext_scopes_lock);
	if (!--raext_nr_policies)
		raext_env_disarm();
}

/* Have waits timed, for one policy more that wants it. */
static int raext_waits_get(const struct bpf_fs_readahead_ops *ops)
{
	int err = 0;

	lockdep_assert_held(&raext_scopes_lock);
	if (!(ops->wants & BPF_FS_RA_WANT_WAITS))
		return 0;
	if (!raext_nr_waits)
		err = raext_env_time_waits();
	if (!err)
		raext_nr_waits++;
	return err;
}

static void raext_waits_put(const struct bpf_fs_readahead_ops *ops)
{
	lockdep_assert_held(&raext_scopes_lock);
	if (ops->wants & BPF_FS_RA_WANT_WAITS && !--raext_nr_waits)
		raext_env_untime_waits();
}

static void raext_count_scope(const struct raext_policy *policy, int n)
{
	lockdep_assert_held(&raext_scopes_lock);
	if (policy->cgroup_id)
		WRITE_ONCE(raext_nr_cgroups, raext_nr_cgroups + n);
	else if (policy->dev)
		WRITE_ONCE(raext_nr_devices, raext_nr_devices + n);
}

/* Nothing can fail once a policy can be found. */
static int raext_attach_locked(struct raext_policy *policy,
			       const struct bpf_fs_readahead_ops *ops)
{
	struct raext_guard *guard;
	int err;

	if (raext_scope_lookup(policy->cgroup_id, policy->dev))
		return -EBUSY;
	guard = raext_guard_new(policy, ops->guard_percent);
	if (IS_ERR(guard))
		return PTR_ERR(guard);
	err = raext_waits_get(ops);
	if (err)
		goto free_guard;
	err = raext_armed_get();
	if (err)
		goto put_waits;
	RCU_INIT_POINTER(policy->guard, guard);
	raext_count_scope(policy, 1);
	hash_add_rcu(raext_scopes, &policy->node,
		     raext_key(policy->cgroup_id, policy->dev));
	return 0;

put_waits:
	raext_waits_put(ops);
free_guard:
	raext_guard_free(guard);
	return err;
}

/**
 * raext_scope_attach - attach a policy
 * @ops: its callbacks and its scope; stay valid until raext_scope_detach()
 * @link: the BPF link that attaches the policy
 *
 * A policy decides for the whole machine and sees everyone's inode numbers and
 * positions. A BPF token that a container was given is not enough for that.
 *
 * Return: 0, -EPERM without CAP_SYS_ADMIN, -EBUSY if the scope has a policy
 * already or if another user of the hooked functions (a livepatch) keeps the
 * hooks from being armed, -ENOMEM
 */
int raext_scope_attach(struct bpf_fs_readahead_ops *ops, struct bpf_link *link)
{
	struct raext_policy *policy;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	policy = raext_policy_alloc(ops, link);
	if (!policy)
		return -ENOMEM;
	mutex_lock(&raext_scopes_lock);
	err = raext_attach_locked(policy, ops);
	mutex_unlock(&raext_scopes_lock);
	if (err)
		raext_policy_free(policy);
	return err;
}

static struct raext_policy *
raext_scope_lookup_ops(const struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy;
	int bucket;

	lockdep_assert_held(&raext_scopes_lock);
	hash_for_each(raext_scopes, bucket, policy, node) {
		if (rcu_access_pointer(policy->ops) == ops)
			return policy;
	}
	return NULL;
}

/* Nothing can fail once the first pointer is exchanged. */
static int raext_replace_locked(struct bpf_fs_readahead_ops *ops,
				struct bpf_fs_readahead_ops *old)
{
	struct raext_policy *policy = raext_scope_lookup_ops(old);
	struct raext_label *label;
	struct raext_guard *guard;
	int err;

	if (!policy)
		return -ENOENT;
	if (policy->cgroup_id != ops->cgroup_id || policy->dev != ops->dev)
		return -EINVAL;
	label = raext_label_new(ops);
	if (!label)
		return -ENOMEM;
	guard = raext_guard_new(policy, ops->guard_percent);
	if (IS_ERR(guard)) {
		err = PTR_ERR(guard);
		goto free_label;
	}
	err = raext_waits_get(ops);
	if (err)
		goto free_guard;
	rcu_assign_pointer(policy->ops, ops);
	label = rcu_replace_pointer(policy->label, label,
				    lockdep_is_held(&raext_scopes_lock));
	guard = rcu_replace_pointer(policy->guard, guard,
				    lockdep_is_held(&raext_scopes_lock));
	/* The old one's callbacks may go once this has returned. */
	synchronize_rcu();
	/* What they took is not the new one's. */
	atomic_set(&policy->slow, 0);
	WRITE_ONCE(policy->aside, false);
	raext_waits_put(old);
	raext_guard_free(guard);
	kfree(label);
	return 0;

free_guard:
	raext_guard_free(guard);
free_label:
	kfree(label);
	return err;
}

/**
 * raext_scope_replace - replace a policy in its scope
 * @ops: the new one's callbacks; with the same scope
 * @old: the old one's
 *
 * Every decision is the one's or the other's. The counters keep their values.
 *
 * Return: 0, -EPERM without CAP_SYS_ADMIN, -EINVAL if the scope is another one,
 * -ENOENT, -ENOMEM; after an error the old one decides as before
 */
int raext_scope_replace(struct bpf_fs_readahead_ops *ops,
			struct bpf_fs_readahead_ops *old)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&raext_scopes_lock);
	err = raext_replace_locked(ops, old);
	mutex_unlock(&raext_scopes_lock);
	return err;
}

/**
 * raext_scope_detach - detach a policy
 * @ops: its callbacks
 *
 * On return none of its callbacks runs or will run.
 */
void raext_scope_detach(struct bpf_fs_readahead_ops *ops)
{
	struct raext_policy *policy;
	struct raext_guard *guard;

	mutex_lock(&raext_scopes_lock);
	policy = raext_scope_lookup_ops(ops);
	if (policy) {
		hash_del_rcu(&policy->node);
		raext_count_scope(policy, -1);
		RCU_INIT_POINTER(policy->ops, NULL);
		guard = rcu_replace_pointer(policy->guard, NULL,
					    lockdep_is_held(&raext_scopes_lock));
		raext_armed_put();
		raext_waits_put(ops);
		synchronize_rcu();
		raext_guard_free(guard);
		percpu_ref_kill(&policy->ref);
	}
	mutex_unlock(&raext_scopes_lock);
}

/* A task's name may hold any byte. The table shows it as one word. */
static void raext_show_word(struct seq_file *seq, const char *word)
{
	if (!*word)
		seq_putc(seq, '-');
	for (; *word; word++)
		seq_putc(seq, isgraph(*word) ? *word : '_');
}

static void raext_policy_show(struct seq_file *seq,
			      const struct raext_policy *policy)
{
	const struct raext_label *label =
		rcu_dereference_protected(policy->label,
					  lockdep_is_held(&raext_scopes_lock));
	const struct raext_guard *guard =
		rcu_dereference_protected(policy->guard,
					  lockdep_is_held(&raext_scopes_lock));
	u32 id = raext_scope_id(policy);

	/* The link gets its id when it is settled. */
	if (id)
		seq_printf(seq, "%u", id);
	else
		seq_putc(seq, '-');
	seq_printf(seq, " %s %llu %u:%u %lld %u %d ",
		   label->name[0] ? label->name : "-", policy->cgroup_id,
		   MAJOR(policy->dev), MINOR(policy->dev), label->since,
		   label->uid, label->pid);
	raext_show_word(seq, label->comm);
	raext_guard_show(seq, guard);
	seq_printf(seq, " %d\n", READ_ONCE(policy->aside));
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
		 "link name cgroup dev since uid pid comm guard used unused tripped slow\n");
	mutex_lock(&raext_scopes_lock);
	hash_for_each(raext_scopes, bucket, policy, node)
		raext_policy_show(seq, policy);
	mutex_unlock(&raext_scopes_lock);
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
	mutex_lock(&raext_scopes_lock);
	hash_for_each(raext_scopes, bucket, policy, node)
		raext_counters_rows(seq, policy);
	mutex_unlock(&raext_scopes_lock);
}
