/* SPDX-License-Identifier: GPL-2.0-only */
/* guard.c: the guard of a policy. The home tells it what happens to pages. */
#ifndef RAEXT_GUARD_H
#define RAEXT_GUARD_H

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "ctx.h"

/* Cgroups that are judged, and the last place, which the rest share. */
#define RAEXT_GUARD_GROUPS	64

/**
 * struct raext_group - the pages that tasks of one cgroup had brought in
 *
 * @judge: held while the guard judges
 * @cgroup_id: whose; 0 while the place is free
 * @used: pages brought in and used
 * @unused: pages brought in and dropped unused
 * @used_before: @used when the last judgement was made
 * @unused_before: @unused likewise
 * @strikes: judgements in a row that found too much waste
 * @share: unused pages of the last judgement, per cent
 * @tripped: over the limit: the kernel decides for this cgroup
 */
struct raext_group {
	raw_spinlock_t judge;
	atomic64_t cgroup_id;
	atomic64_t used;
	atomic64_t unused;
	u64 used_before;
	u64 unused_before;
	u32 strikes;
	u32 share;
	bool tripped;
};

/**
 * struct raext_guard - the guard of an attached policy
 *
 * @rcu: to free it
 * @policy: the policy
 * @percent: how many of the pages brought in may go unused
 * @nr_tripped: cgroups for which the kernel decides
 * @irq: leads from under a lock to @work
 * @work: tells of a trip in the log
 * @groups: by cgroup
 */
struct raext_guard {
	struct rcu_head rcu;
	struct raext_policy *policy;
	u32 percent;
	atomic_t nr_tripped;
	struct irq_work irq;
	struct work_struct work;
	struct raext_group groups[RAEXT_GUARD_GROUPS];
};

struct raext_guard *raext_guard_new(struct raext_policy *policy, u32 percent);
void raext_guard_free(struct raext_guard *guard);
struct raext_group *raext_group_of(struct raext_guard *guard, u64 id, bool claim);
bool raext_guard_tripped(struct raext_guard *guard, u64 cgroup_id);
void raext_guard_show(struct seq_file *seq, const struct raext_guard *guard);

/* Told by the home, between raext_env_watch() and raext_env_unwatch(). */
void raext_guard_added(struct raext_ctx *c, pgoff_t first, pgoff_t last);
void raext_guard_used(const struct address_space *mapping, pgoff_t first,
		      pgoff_t last);
void raext_guard_dropped(const struct address_space *mapping, pgoff_t first,
			 pgoff_t last);

#endif /* RAEXT_GUARD_H */
