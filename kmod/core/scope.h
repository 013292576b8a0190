/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An attached policy, for the files that keep a part of it: scope.c its scope,
 * stats.c its counters, guard.c its guard.
 */
#ifndef RAEXT_SCOPE_H
#define RAEXT_SCOPE_H

#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "ctx.h"
#include "guard.h"

/**
 * struct raext_label - who attached a policy, or replaced another with it
 *
 * @rcu: to free it
 * @name: the policy's name
 * @comm: the task
 * @pid: likewise
 * @uid: the user
 * @since: the time of that, seconds since 1970
 */
struct raext_label {
	struct rcu_head rcu;
	char name[BPF_FS_RA_NAME_LEN];
	char comm[TASK_COMM_LEN];
	pid_t pid;
	uid_t uid;
	s64 since;
};

/**
 * struct raext_policy - an attached policy
 *
 * @node: in the table of scopes
 * @rcu: to free it
 * @ref: live while it is attached; one for each decision
 * @ops: its callbacks; NULL once it is detached
 * @label: who attached it
 * @link: the BPF link that attaches it; valid while it is attached
 * @counters: by CPU
 * @guard: its guard, or NULL
 * @wants_ranges: get_ra has asked for more ranges than a context has of its own
 * @slow: callbacks that took too long lately
 * @slow_since: since when, jiffies
 * @aside: put aside for that, until it is attached or replaced anew
 * @cgroup_id: scope, 0 for any
 * @dev: scope, 0 for any
 */
struct raext_policy {
	struct hlist_node node;
	struct rcu_head rcu;
	struct percpu_ref ref;
	const struct bpf_fs_readahead_ops __rcu *ops;
	struct raext_label __rcu *label;
	struct bpf_link *link;
	struct raext_counters __percpu *counters;
	struct raext_guard __rcu *guard;
	bool wants_ranges;
	atomic_t slow;
	unsigned long slow_since;
	bool aside;
	u64 cgroup_id;
	u32 dev;
};

struct raext_label *raext_label_new(const struct bpf_fs_readahead_ops *ops);
int raext_scope_attach(struct bpf_fs_readahead_ops *ops, struct bpf_link *link);
int raext_scope_replace(struct bpf_fs_readahead_ops *ops,
			struct bpf_fs_readahead_ops *old);
void raext_scope_detach(struct bpf_fs_readahead_ops *ops);
struct raext_policy *raext_scope_get(u32 dev);
void raext_scope_put(struct raext_policy *policy);
const struct bpf_fs_readahead_ops *raext_scope_ops(struct raext_policy *policy);
void raext_scope_name(struct raext_policy *policy, char *name);
u32 raext_scope_id(const struct raext_policy *policy);

void raext_counters_header(struct seq_file *seq);
void raext_counters_rows(struct seq_file *seq, struct raext_policy *policy);

static inline bool raext_scope_wants_ranges(const struct raext_policy *policy)
{
	return READ_ONCE(policy->wants_ranges);
}

#endif /* RAEXT_SCOPE_H */
