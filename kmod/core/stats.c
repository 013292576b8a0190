// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a policy, by event and CPU.
 */

#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "ctx.h"
#include "scope.h"

static const char *const raext_events[] = { "miss", "mark", "fault" };

static const char *const raext_counter_names[RAEXT_NR_COUNTERS] = {
	[RAEXT_N_KEPT] = "kept",
	[RAEXT_N_LIMITED] = "limited",
	[RAEXT_N_CHANGED] = "changed",
	[RAEXT_N_TAKEN] = "taken",
	[RAEXT_WINDOWS] = "windows",
	[RAEXT_CLAMPED] = "clamped",
	[RAEXT_CONGESTED] = "congested",
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
	[RAEXT_DROP_CONGESTED] = "dropped_congested",
};

struct raext_counters {
	u64 of[ARRAY_SIZE(raext_events)][RAEXT_NR_COUNTERS];
};

struct raext_counters __percpu *raext_counters_alloc(void)
{
	return alloc_percpu(struct raext_counters);
}

/* The event bits are the lowest three, in the order of raext_events. */
static_assert(BPF_FS_RA_MISS == 1 && BPF_FS_RA_MARK == 2 &&
	      BPF_FS_RA_FAULT == 4);

static unsigned int raext_event(u32 flags)
{
	return flags & BPF_FS_RA_MISS ? 0 : flags & BPF_FS_RA_MARK ? 1 : 2;
}

/**
 * raext_count - add to a counter of a decision's policy
 * @c: the decision, which has a policy
 * @counter: which
 * @n: how many
 */
void raext_count(const struct raext_ctx *c, enum raext_counter counter, u64 n)
{
	this_cpu_add(c->policy->counters->of[raext_event(c->flags)][counter],
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
	char name[BPF_FS_RA_NAME_LEN];
	unsigned int event, i;

	raext_scope_name(policy, name);
	for (event = 0; event < ARRAY_SIZE(raext_events); event++) {
		seq_printf(seq, "%u %s %s", raext_scope_id(policy), name,
			   raext_events[event]);
		for (i = 0; i < RAEXT_NR_COUNTERS; i++)
			seq_printf(seq, " %llu",
				   raext_counter_sum(policy, event, i));
		seq_putc(seq, '\n');
	}
}
