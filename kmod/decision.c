// SPDX-License-Identifier: GPL-2.0-only
/*
 * The questions to a policy and the use of its answers.
 *
 * Each limit and each window of a policy passes the clamps below before use,
 * and each clamp is counted. A window that the policy left as the kernel
 * computed it is not touched and not clamped: a policy that keeps everything
 * changes nothing.
 */

#include <linux/backing-dev.h>
#include <linux/cgroup.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/moduleparam.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "raext.h"

static unsigned int max_window_kb = 64 * 1024;
module_param(max_window_kb, uint, 0644);
MODULE_PARM_DESC(max_window_kb,
		 "hard limit of a window that a policy asks for, KiB (default 65536)");

static bool timing;
module_param(timing, bool, 0644);
MODULE_PARM_DESC(timing, "count the time that policies take (default off)");

/* One decision reads at most this fraction of its cgroup's memory limit. */
#define RAEXT_MEMORY_PARTS	8

/**
 * raext_memory_share - the most that one decision may read into memory
 *
 * Pages under read I/O are locked and cannot be reclaimed. If a few decisions
 * filled a small cgroup with them, the next mandatory page (a metadata block,
 * a page table) would trigger the OOM killer.
 *
 * Return: pages, at least one; U32_MAX where memory has no limit
 */
u32 raext_memory_share(void)
{
	unsigned long least = PAGE_COUNTER_MAX;
#ifdef CONFIG_MEMCG
	struct cgroup_subsys_state *css;

	rcu_read_lock();
	for (css = task_css(current, memory_cgrp_id); css; css = css->parent) {
		const struct page_counter *memory =
			&mem_cgroup_from_css(css)->memory;

		least = min3(least, READ_ONCE(memory->max),
			     READ_ONCE(memory->high));
	}
	rcu_read_unlock();
#endif
	if (least == PAGE_COUNTER_MAX)
		return U32_MAX;
	return clamp(least / RAEXT_MEMORY_PARTS, 1UL, (unsigned long)U32_MAX);
}

/**
 * raext_hard_limit - the most that one answer of a policy may ask for
 *
 * Return: pages; at least one, and well inside of an int
 */
u32 raext_hard_limit(void)
{
	u32 most = READ_ONCE(max_window_kb) >> (PAGE_SHIFT - 10);

	return clamp(min(most, raext_memory_share()), 1U, 1U << 20);
}

pgoff_t raext_file_pages(const struct address_space *mapping)
{
	return DIV_ROUND_UP_ULL(i_size_read(mapping->host), PAGE_SIZE);
}

static u64 raext_cgroup_id(void)
{
	/* Called under RCU, which keeps the task's css_set. */
	return cgroup_id(task_dfl_cgroup(current));
}

u32 raext_mapping_dev(const struct address_space *mapping)
{
	const struct inode *inode = mapping->host;

	return S_ISBLK(inode->i_mode) ? inode->i_rdev : inode->i_sb->s_dev;
}

static void raext_fill_state(struct bpf_fs_readahead_state *s,
			     const struct raext_decision *d,
			     const struct file_ra_state *window)
{
	struct inode *inode = d->mapping->host;

	*s = (struct bpf_fs_readahead_state) {
		.i_ino = inode->i_ino,
		.size = window->size,
		.async_size = window->async_size,
		.ra_pages = d->ra->ra_pages,
		.mmap_miss = d->ra->mmap_miss,
		.prev_pos = d->ra->prev_pos,
		.index = d->index,
		.start = window->start,
		.file_pages = raext_file_pages(d->mapping),
		.cgroup_id = raext_cgroup_id(),
		.req_pages = min_t(unsigned long, d->req_pages, U32_MAX),
		.dev = raext_mapping_dev(d->mapping),
		.flags = d->flags,
		.io_pages = inode_to_bdi(inode)->io_pages,
	};
}

/* Call the policy. */
static int raext_ask(struct raext_decision *d,
		     struct bpf_fs_readahead_state *s,
		     const struct file_ra_state *window,
		     int (*callback)(struct bpf_fs_readahead_state *s))
{
	bool timed = READ_ONCE(timing);
	u64 before = timed ? ktime_get_ns() : 0;
	int answer;

	raext_fill_state(s, d, window);
	d->asked = s;
	answer = callback(s);
	d->asked = NULL;
	if (timed)
		raext_count(d, RAEXT_NS, ktime_get_ns() - before);
	return answer;
}

static void raext_clamped(const struct raext_decision *d)
{
	raext_count(d, RAEXT_CLAMPED, 1);
}

/* The requested pages as a window. A mark requests none. */
static struct raext_window raext_asked(const struct raext_decision *d)
{
	u32 size = clamp(d->req_pages, 1UL, (unsigned long)raext_hard_limit());

	if (d->flags & BPF_FS_RA_MARK)
		return (struct raext_window) {};
	return (struct raext_window) { .start = d->index, .size = size };
}

/* The clamped window of a state. Size 0 stands for the requested pages. */
static struct raext_window
raext_window_of(const struct raext_decision *d,
		const struct bpf_fs_readahead_state *s)
{
	pgoff_t file_pages = raext_file_pages(d->mapping);
	struct raext_window w = { s->start, s->size, s->async_size };
	bool clamped = false;
	u32 most, tail;

	if (!w.size)
		return w;
	if (w.start >= file_pages) {
		raext_clamped(d);
		return (struct raext_window) {};
	}
	if (w.async_size > w.size) {
		w.async_size = w.size;
		clamped = true;
	}
	most = min_t(pgoff_t, raext_hard_limit(), file_pages - w.start);
	if (w.size > most) {
		/* The end is cut off. The mark stays at its page. */
		tail = w.async_size - min(w.async_size, w.size - most);
		/* The file goes on behind a limit, and its reader may too. */
		if (w.start + most < file_pages)
			tail = max(tail, min(w.async_size, most / 4));
		w.async_size = tail;
		w.size = most;
		clamped = true;
	}
	if (clamped)
		raext_clamped(d);
	return w;
}

static void raext_ask_decide(struct raext_decision *d,
			     const struct bpf_fs_readahead_ops *ops)
{
	struct bpf_fs_readahead_state s;

	switch (raext_ask(d, &s, d->ra, ops->decide)) {
	case 0:
		break;
	case 1:
		d->verdict = RAEXT_TAKEN;
		d->window = raext_window_of(d, &s);
		break;
	default:
		raext_clamped(d);
	}
}

static void raext_ask_limit(struct raext_decision *d,
			    const struct bpf_fs_readahead_ops *ops)
{
	int most = raext_hard_limit();
	struct bpf_fs_readahead_state s;

	d->limit = raext_ask(d, &s, d->ra, ops->get_max_ra);
	if (d->limit > most) {
		raext_clamped(d);
		d->limit = most;
	}
	if (d->limit >= 0 && d->limit != d->ra->ra_pages)
		d->verdict = RAEXT_LIMITED;
}

/**
 * raext_decision_begin - find the policy and publish the decision
 * @d: the decision, with all but the policy filled in
 *
 * Ends with raext_decision_end().
 */
void raext_decision_begin(struct raext_decision *d)
{
	d->limit = -1;
	d->policy = raext_policy_get(raext_mapping_dev(d->mapping));
	raext_underway_add(d);
}

/**
 * raext_decide - ask the policy
 * @d: the decision; its verdict, limit and window are filled in
 *
 * Asks once for each decision.
 */
void raext_decide(struct raext_decision *d)
{
	const struct bpf_fs_readahead_ops *ops;

	if (d->decided || !d->policy)
		return;
	d->decided = true;
	rcu_read_lock();
	ops = raext_policy_ops(d->policy);
	if (ops && ops->decide)
		raext_ask_decide(d, ops);
	if (ops && ops->get_max_ra && d->verdict != RAEXT_TAKEN)
		raext_ask_limit(d, ops);
	rcu_read_unlock();
}

/* Write a window to the place that the kernel reads its window from. */
static void raext_set_window(struct raext_decision *d,
			     struct readahead_control *ractl,
			     struct raext_window w)
{
	if (!w.size)
		w = raext_asked(d);
	d->window = w;
	if (!w.size) {
		/*
		 * Nothing to read. The file keeps its previous window. The
		 * index behind the file's end makes the kernel read nothing.
		 */
		ractl->ra->start = d->ra->start;
		ractl->ra->size = d->ra->size;
		ractl->ra->async_size = d->ra->async_size;
		ractl->_index = raext_file_pages(d->mapping);
		return;
	}
	raext_put_window(ractl, w);
}

/*
 * The read-around of do_sync_mmap_readahead(), with the decision's limit in
 * the place of the file's ra_pages.
 */
static struct raext_window raext_window_around(const struct raext_decision *d)
{
	pgoff_t half = d->limit / 2;

	return (struct raext_window) {
		.start = d->index > half ? d->index - half : 0,
		.size = d->limit,
		.async_size = d->limit / 4,
	};
}

static void raext_ask_window(struct raext_decision *d,
			     struct readahead_control *ractl,
			     const struct bpf_fs_readahead_ops *ops)
{
	const struct file_ra_state before = *ractl->ra;
	struct bpf_fs_readahead_state s;
	int size = raext_ask(d, &s, &before, ops->get_ra);

	raext_count(d, RAEXT_WINDOWS, 1);
	if (size >= 0)
		s.size = size;
	/* A size alone shortens the tail that the kernel computed. */
	if (s.async_size == before.async_size && s.size < before.size)
		s.async_size = min(s.async_size, s.size);

	if (s.start == before.start && s.size == before.size &&
	    s.async_size == before.async_size)
		return;
	d->verdict = RAEXT_CHANGED;
	raext_set_window(d, ractl, raext_window_of(d, &s));
}

/**
 * raext_decide_window - put the policy's answers into a window
 * @d: the decision
 * @ractl: with the window that the kernel computed in its ra; the window and
 *	the index to read from are changed in place
 *
 * Context: just before the kernel reads the window; must not sleep.
 */
void raext_decide_window(struct raext_decision *d,
			 struct readahead_control *ractl)
{
	const struct bpf_fs_readahead_ops *ops;

	if (!d->policy)
		return;
	if (d->due) {
		d->due = false;
		if (d->verdict == RAEXT_TAKEN) {
			raext_set_window(d, ractl, d->window);
			return;
		}
		if (d->limit == 0) {
			raext_set_window(d, ractl, (struct raext_window) {});
			return;
		}
		if (d->limit > 0)
			raext_set_window(d, ractl, raext_window_around(d));
	}
	d->window = (struct raext_window) {
		ractl->ra->start, ractl->ra->size, ractl->ra->async_size
	};
	if (d->verdict == RAEXT_TAKEN)
		return;
	rcu_read_lock();
	ops = raext_policy_ops(d->policy);
	if (ops && ops->get_ra)
		raext_ask_window(d, ractl, ops);
	rcu_read_unlock();
}

/**
 * raext_decision_end - count the decision and unpublish it
 * @d: the decision; the ranges that it still has are dropped
 */
void raext_decision_end(struct raext_decision *d)
{
	raext_underway_del(d);
	if (!d->policy)
		return;
	raext_drop_ranges(d);
	if (d->decided) {
		raext_count(d, (enum raext_counter)d->verdict, 1);
		trace_decision(d, raext_policy_name(d->policy));
	}
	raext_policy_put(d->policy);
}
