// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much a decision may bring into memory.
 *
 * Pages under read I/O are locked and cannot be reclaimed. If decisions filled a
 * small cgroup with them, the next mandatory page (a metadata block, a page
 * table) would trigger the OOM killer. So a decision takes a part of what its
 * cgroups have left, and where reclaim would have to make room, a smaller part of
 * the whole.
 */

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/moduleparam.h>
#include <linux/psi_types.h>
#include <linux/sched/clock.h>
#include <linux/sched/loadavg.h>
#include <linux/topology.h>

#include "memory.h"

static unsigned int max_window_kb = 64 * 1024;
module_param(max_window_kb, uint, 0644);
MODULE_PARM_DESC(max_window_kb,
		 "hard limit of a window that a policy asks for, KiB (default 65536)");

/*
 * A decision takes an eighth of what is left. Where nothing is left, memory is
 * full of what reclaim can free, and eight tasks that decide at the same time
 * lock an eighth of the limit together.
 */
#define RAEXT_SHIFT_LEFT	3
#define RAEXT_SHIFT_LIMIT	6

#ifdef CONFIG_MEMCG
/*
 * The group that a page of this task is charged to, as the kernel finds it: the
 * one that a kernel thread works for, then the memory's owner.
 */
static struct mem_cgroup *raext_memcg(void)
{
	struct mm_struct *mm = current->mm;

	if (current->active_memcg)
		return current->active_memcg;
	return mm ? mem_cgroup_from_task(rcu_dereference(mm->owner)) : NULL;
}
#else
static const void *raext_memcg(void)
{
	return NULL;
}
#endif

/* Call with every memory limit of the task, its group's first. */
static void raext_each_limit(void (*see)(u64 limit, u64 left, void *data),
			     void *data)
{
#ifdef CONFIG_MEMCG
	struct page_counter *counter;
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = raext_memcg();
	for (counter = memcg ? &memcg->memory : NULL; counter;
	     counter = counter->parent) {
		unsigned long limit = min(READ_ONCE(counter->max),
					  READ_ONCE(counter->high));
		unsigned long used = page_counter_read(counter);

		if (limit < PAGE_COUNTER_MAX)
			see(limit, limit - min(limit, used), data);
	}
	rcu_read_unlock();
#endif
}

static void raext_see_share(u64 limit, u64 left, void *data)
{
	u64 *share = data;

	*share = min(*share, max(left >> RAEXT_SHIFT_LEFT,
				 limit >> RAEXT_SHIFT_LIMIT));
}

/**
 * raext_memory_share - the most that one decision may read into memory
 *
 * Return: pages, at least one; U32_MAX where memory has no limit
 */
u32 raext_memory_share(void)
{
	u64 share = U32_MAX;

	raext_each_limit(raext_see_share, &share);
	return max(share, 1ULL);
}

/**
 * raext_max_pages - the most that one answer of a policy may ask for
 * @c: the decision, which remembers it
 *
 * Return: pages; at least one, and well inside of an int
 */
u32 raext_max_pages(struct raext_ctx *c)
{
	if (!c->max_pages) {
		u32 most = READ_ONCE(max_window_kb) >> (PAGE_SHIFT - 10);

		/* One that cannot wait is not kept longer than by the kernel. */
		if (c->flags & BPF_FS_RA_NOWAIT)
			most = min(most, c->ra->ra_pages);
		c->max_pages = clamp(min(most, raext_memory_share()), 1U,
				     1U << 20);
	}
	return c->max_pages;
}

static void raext_see_left(u64 limit, u64 left, void *data)
{
	u64 *room = data;

	*room = min(*room, left);
}

/* Free pages of this node above the marks at which it begins to reclaim. */
static u64 raext_node_room(void)
{
	struct zone *zones = NODE_DATA(numa_mem_id())->node_zones;
	u64 room = 0;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		u64 free, mark;

		if (!populated_zone(&zones[i]))
			continue;
		free = zone_page_state(&zones[i], NR_FREE_PAGES);
		mark = high_wmark_pages(&zones[i]);
		room += free - min(free, mark);
	}
	return room;
}

/* The room that was found last on this CPU, for a tick. */
struct raext_room {
	unsigned long when;
	const void *memcg;
	u32 pages;
};

static DEFINE_PER_CPU(struct raext_room, raext_room);

/**
 * raext_memory_room - how much this task may cache before reclaim begins
 *
 * Context: RCU read side.
 *
 * Return: pages: the least over its memory cgroups and the node, as of this tick
 */
u32 raext_memory_room(void)
{
	struct raext_room *last = get_cpu_ptr(&raext_room);
	const void *memcg = raext_memcg();
	unsigned long now = jiffies;
	u32 pages;

	if (last->when != now || last->memcg != memcg) {
		u64 room = min_t(u64, raext_node_room(), U32_MAX);

		raext_each_limit(raext_see_left, &room);
		*last = (struct raext_room) { now, memcg, room };
	}
	pages = last->pages;
	put_cpu_ptr(&raext_room);
	return pages;
}

/**
 * raext_memory_pressure - how short memory is for the task's cgroup
 *
 * The share of time in which some task of the group waited for memory, averaged
 * over ten seconds (PSI). Nothing cheaper is within a module's reach.
 *
 * Context: RCU read side.
 *
 * Return: 0 to 10,000; 0 for the root cgroup, whose PSI no module can see
 */
u32 raext_memory_pressure(void)
{
#ifdef CONFIG_PSI
	const struct psi_group *psi = task_dfl_cgroup(current)->psi;

	/* The kernel lets the average stand while the group is idle. */
	if (psi && (s64)(local_clock() - READ_ONCE(psi->avg_last_update)) <
		   (s64)(10 * NSEC_PER_SEC))
		return min(READ_ONCE(psi->avg[PSI_MEM_SOME][0]) * 100 / FIXED_1,
			   10000UL);
#endif
	return 0;
}
