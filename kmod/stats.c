// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters and their files in debugfs: readahead_ext/policies has the attached
 * policies, readahead_ext/counters has the counters of each. The module works
 * without debugfs.
 */

#include <linux/debugfs.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "raext.h"
#include "policy.h"

static const char *const raext_events[] = { "miss", "mark", "fault" };

static const char *const raext_counter_names[RAEXT_NR_COUNTERS] = {
	[RAEXT_N_KEPT] = "kept",
	[RAEXT_N_LIMITED] = "limited",
	[RAEXT_N_CHANGED] = "changed",
	[RAEXT_N_TAKEN] = "taken",
	[RAEXT_WINDOWS] = "windows",
	[RAEXT_CLAMPED] = "clamped",
	[RAEXT_NS] = "ns",
	[RAEXT_RANGES] = "ranges",
	[RAEXT_PAGES] = "pages",
	[RAEXT_SUBMITTED] = "submitted",
	[RAEXT_CACHED] = "cached",
	[RAEXT_DROP_EOF] = "dropped_eof",
	[RAEXT_DROP_LIMIT] = "dropped_limit",
	[RAEXT_DROP_FULL] = "dropped_full",
	[RAEXT_DROP_BUSY] = "dropped_busy",
	[RAEXT_DROP_MEMORY] = "dropped_memory",
	[RAEXT_DROP_LATE] = "dropped_late",
};

struct raext_counters {
	u64 of[ARRAY_SIZE(raext_events)][RAEXT_NR_COUNTERS];
};

struct raext_counters __percpu *raext_counters_alloc(void)
{
	return alloc_percpu(struct raext_counters);
}

/* The event bits are the lowest three, in the order of raext_events. */
static unsigned int raext_event(u32 flags)
{
	BUILD_BUG_ON(BPF_FS_RA_MISS != 1 || BPF_FS_RA_MARK != 2 ||
		     BPF_FS_RA_FAULT != 4);
	return min_t(unsigned int, __ffs(flags), ARRAY_SIZE(raext_events) - 1);
}

/**
 * raext_count - add to a counter of a decision's policy
 * @d: the decision, which has a policy
 * @counter: which
 * @n: how many
 */
void raext_count(const struct raext_decision *d, enum raext_counter counter,
		 u64 n)
{
	this_cpu_add(d->policy->counters->of[raext_event(d->flags)][counter],
		     n);
}

void raext_counters_header(struct seq_file *seq)
{
	int i;

	seq_puts(seq, "link name event");
	for (i = 0; i < RAEXT_NR_COUNTERS; i++)
		seq_printf(seq, " %s", raext_counter_names[i]);
	seq_putc(seq, '\n');
}

static u64 raext_counter_sum(const struct raext_policy *policy,
			     unsigned int event, enum raext_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(policy->counters, cpu)->of[event][counter];
	return sum;
}

void raext_counters_rows(struct seq_file *seq, struct raext_policy *policy)
{
	unsigned int event, i;

	for (event = 0; event < ARRAY_SIZE(raext_events); event++) {
		seq_printf(seq, "%u %s %s", raext_policy_id(policy),
			   raext_policy_name(policy), raext_events[event]);
		for (i = 0; i < RAEXT_NR_COUNTERS; i++)
			seq_printf(seq, " %llu",
				   raext_counter_sum(policy, event, i));
		seq_putc(seq, '\n');
	}
}

static struct dentry *raext_dir;

static int policies_show(struct seq_file *seq, void *unused)
{
	raext_policies_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(policies);

static int counters_show(struct seq_file *seq, void *unused)
{
	raext_counters_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

void raext_stats_create(void)
{
	raext_dir = debugfs_create_dir("readahead_ext", NULL);
	debugfs_create_file("policies", 0444, raext_dir, NULL, &policies_fops);
	debugfs_create_file("counters", 0444, raext_dir, NULL, &counters_fops);
}

void raext_stats_remove(void)
{
	debugfs_remove_recursive(raext_dir);
}
