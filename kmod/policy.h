/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An attached policy, for the files that keep a part of it: policy.c its
 * scope, stats.c its counters, guard.c its guard.
 */
#ifndef RAEXT_POLICY_H
#define RAEXT_POLICY_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "raext.h"

/**
 * struct raext_guard - the guard of a policy
 *
 * @judge: held while the guard judges
 * @on: whether there is a guard
 * @percent: how many of the pages brought in may go unused
 * @tripped: over the limit: the kernel decides until the policy is attached anew
 * @used: pages brought in by the policy and used
 * @unused: pages brought in by the policy and dropped unused
 * @used_before: @used when the last judgement was made
 * @unused_before: @unused likewise
 * @strikes: judgements in a row that found too much waste
 */
struct raext_guard {
	raw_spinlock_t judge;
	bool on;
	u32 percent;
	bool tripped;
	atomic64_t used;
	atomic64_t unused;
	u64 used_before;
	u64 unused_before;
	u32 strikes;
};

/**
 * struct raext_policy - an attached policy
 *
 * @node: in the table of scopes
 * @rcu: to free it
 * @refs: one while it is attached, one for each decision
 * @ops: its callbacks; NULL once it is detached
 * @link: the BPF link that attaches it; valid while it is attached
 * @counters: by CPU
 * @guard: its guard
 * @cgroup_id: scope, 0 for any
 * @dev: scope, 0 for any
 * @uid: the user that attached it or replaced another with it
 * @pid: likewise
 * @comm: likewise
 * @name: the policy's name
 * @since: the time of that, seconds since 1970
 */
struct raext_policy {
	struct hlist_node node;
	struct rcu_head rcu;
	refcount_t refs;
	const struct bpf_fs_readahead_ops __rcu *ops;
	struct bpf_link *link;
	struct raext_counters __percpu *counters;
	struct raext_guard guard;
	u64 cgroup_id;
	u32 dev;
	uid_t uid;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	char name[BPF_FS_RA_NAME_LEN];
	s64 since;
};

u32 raext_policy_id(const struct raext_policy *policy);

void raext_counters_header(struct seq_file *seq);
void raext_counters_rows(struct seq_file *seq, struct raext_policy *policy);

int raext_guard_start(struct raext_policy *policy, u32 percent);
int raext_guard_restart(struct raext_policy *policy, u32 percent);
void raext_guard_stop(struct raext_policy *policy);
void raext_guard_show(struct seq_file *seq, const struct raext_policy *policy);

static inline bool raext_guard_tripped(const struct raext_policy *policy)
{
	return READ_ONCE(policy->guard.tripped);
}

#endif /* RAEXT_POLICY_H */
