// SPDX-License-Identifier: GPL-2.0-only
/*
 * The label of a policy: who attached it, for the table of policies and the log.
 */

#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>

#include "scope.h"

/**
 * raext_label_new - a label with this task's name on it
 * @ops: the policy
 *
 * Return: the label, for kfree(), or NULL
 */
struct raext_label *
raext_label_new(const struct bpf_fs_readahead_ops *ops)
{
	struct raext_label *label = kzalloc(sizeof(*label), GFP_KERNEL);

	if (!label)
		return NULL;
	strscpy(label->name, ops->name, sizeof(label->name));
	label->since = ktime_get_real_seconds();
	label->pid = task_tgid_nr(current);
	label->uid = from_kuid_munged(&init_user_ns, current_uid());
	get_task_comm(label->comm, current);
	return label;
}

/**
 * raext_scope_name - the name of a policy for users
 * @policy: the policy
 * @name: BPF_FS_RA_NAME_LEN bytes for it
 */
void raext_scope_name(struct raext_policy *policy, char *name)
{
	const struct raext_label *label;

	rcu_read_lock();
	label = rcu_dereference(policy->label);
	strscpy(name, label->name[0] ? label->name : "-", BPF_FS_RA_NAME_LEN);
	rcu_read_unlock();
}
