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
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "ctx.h"
#include "env.h"
#include "memory.h"
#include "ranges.h"
#include "scope.h"
#include "wait.h"

static bool timing;
module_param(timing, bool, 0644);
MODULE_PARM_DESC(timing, "count the time that policies take (default off)");

/*
 * A walk over the page cache takes some 15 ns a page: this many are a tenth of
 * RAEXT_CALLBACK_MS.
 */
#define RAEXT_CACHED_BUDGET	(64 * 1024)

/* Callbacks run under RCU: longer than this is a fault of the policy. */
#define RAEXT_CALLBACK_MS	10

static u64 raext_cgroup_id(void)
{
	/* Called under RCU, which keeps the task's css_set. */
	return cgroup_id(task_dfl_cgroup(current));
}

/* What stays the same for a decision. The window comes with each question. */
static void raext_fill_state(struct raext_ctx *c)
{
	struct bpf_fs_readahead_state *s = &c->state;
	struct inode *inode = c->mapping->host;

	s->i_ino = inode->i_ino;
	s->ra_pages = c->ra->ra_pages;
	s->mmap_miss = c->ra->mmap_miss;
	s->prev_pos = c->ra->prev_pos;
	s->index = c->index;
	s->file_pages = raext_file_pages(c->mapping);
	s->cgroup_id = raext_cgroup_id();
	s->req_pages = min_t(unsigned long, c->req_pages, U32_MAX);
	s->dev = raext_mapping_dev(c->mapping);
	s->flags = c->flags;
	s->io_pages = inode_to_bdi(inode)->io_pages;
	s->map_first = c->map_first;
	s->map_last = c->map_last;
	s->file_id = raext_file_id(c->file);
	s->inflight_pages = raext_inflight_pages(c->mapping);
	/* The rest is 0 since the context was made. */
	if (c->wants & BPF_FS_RA_WANT_WAITS)
		s->waited_ns = raext_waited(c->file);
	if (c->wants & BPF_FS_RA_WANT_MEMORY) {
		s->room_pages = raext_memory_room();
		s->pressure = raext_memory_pressure();
	}
}

/* Call the policy about a window. */
static int raext_call(struct raext_ctx *c, struct raext_window w,
		      int (*callback)(struct bpf_fs_readahead_state *s))
{
	c->state.start = w.start;
	c->state.size = w.size;
	c->state.async_size = w.async_size;
	return callback(&c->state);
}

/**
 * struct raext_clock - how long callbacks take
 *
 * @tick: when they began: a finer clock costs as much as a callback
 * @ns: likewise, if the parameter timing is on
 * @switches: how often the task had left its CPU by then
 * @ran: the task's time on a CPU, as of the last tick
 */
struct raext_clock {
	unsigned long tick;
	u64 ns;
	unsigned long switches;
	u64 ran;
};

static struct raext_clock raext_clock_start(void)
{
	return (struct raext_clock) {
		.tick = jiffies,
		.ns = unlikely(READ_ONCE(timing)) ? local_clock() : 0,
		.switches = current->nvcsw + current->nivcsw,
		.ran = current->se.sum_exec_runtime,
	};
}

/*
 * Another task's time is not the policy's. The first tick may come at once: n ticks
 * are longer than n - 1 of them take.
 */
static bool raext_clock_is_slow(struct raext_clock start)
{
	u64 ran = current->se.sum_exec_runtime - start.ran;

	if (likely(current->nvcsw + current->nivcsw == start.switches))
		return jiffies - start.tick > msecs_to_jiffies(RAEXT_CALLBACK_MS);
	return ran > RAEXT_CALLBACK_MS * NSEC_PER_MSEC + TICK_NSEC;
}

/* A hypervisor that stops a processor for as long is no fault of the policy. */
#define RAEXT_SLOW_MAX	3

/* Callbacks of other tasks are fast meanwhile: those in between do not count. */
#define RAEXT_SLOW_SPAN	(10 * HZ)

/*
 * Callbacks run under RCU, and a policy whose callbacks take too long is put
 * aside: the kernel decides until it is attached or replaced anew.
 */
static void raext_note_slow(struct raext_policy *policy)
{
	char name[BPF_FS_RA_NAME_LEN];

	if (time_after(jiffies, READ_ONCE(policy->slow_since) + RAEXT_SLOW_SPAN)) {
		WRITE_ONCE(policy->slow_since, jiffies);
		atomic_set(&policy->slow, 0);
	}
	if (atomic_inc_return(&policy->slow) != RAEXT_SLOW_MAX)
		return;
	WRITE_ONCE(policy->aside, true);
	raext_scope_name(policy, name);
	pr_warn("%s: %d callbacks in %d s took over 10 ms each: the kernel's own readahead is back\n",
		name, RAEXT_SLOW_MAX, RAEXT_SLOW_SPAN / HZ);
}

static void raext_clock_stop(struct raext_ctx *c, struct raext_clock start)
{
	if (unlikely(start.ns))
		raext_count(c, RAEXT_NS, local_clock() - start.ns);
	if (unlikely(raext_clock_is_slow(start)))
		raext_note_slow(c->policy);
}

static void raext_clamped(const struct raext_ctx *c)
{
	raext_count(c, RAEXT_CLAMPED, 1);
}

/**
 * raext_requested - the requested pages as a window
 * @c: the decision
 *
 * Return: the window; of size 0 for a mark, which requests none
 */
struct raext_window raext_requested(struct raext_ctx *c)
{
	u32 size = clamp(c->req_pages, 1UL, (unsigned long)raext_max_pages(c));

	if (c->flags & BPF_FS_RA_MARK)
		return (struct raext_window) {};
	return (struct raext_window) { .start = c->index, .size = size };
}

/* The clamped window of the state. Size 0 stands for the requested pages. */
static struct raext_window raext_window_of(struct raext_ctx *c)
{
	const struct bpf_fs_readahead_state *s = &c->state;
	pgoff_t file_pages = raext_file_pages(c->mapping);
	struct raext_window w = { s->start, s->size, s->async_size };
	bool clamped = false;
	u32 most, tail;

	if (!w.size)
		return w;
	if (w.start >= file_pages) {
		raext_clamped(c);
		return (struct raext_window) {};
	}
	if (w.async_size > w.size) {
		w.async_size = w.size;
		clamped = true;
	}
	most = min_t(pgoff_t, raext_max_pages(c), file_pages - w.start);
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
		raext_clamped(c);
	return w;
}

/* The file's previous window. */
static struct raext_window raext_previous(const struct raext_ctx *c)
{
	return (struct raext_window) {
		c->ra->start, c->ra->size, c->ra->async_size
	};
}

static void raext_ask_decide(struct raext_ctx *c,
			     const struct bpf_fs_readahead_ops *ops)
{
	switch (raext_call(c, raext_previous(c), ops->decide)) {
	case 0:
		break;
	case 1:
		c->verdict = RAEXT_TAKEN;
		c->window = raext_window_of(c);
		break;
	default:
		raext_clamped(c);
	}
}

static void raext_ask_limit(struct raext_ctx *c,
			    const struct bpf_fs_readahead_ops *ops)
{
	int most;

	c->limit = raext_call(c, raext_previous(c), ops->get_max_ra);
	/* The file's own limit in other words. */
	if (c->limit >= 0 && c->limit == c->ra->ra_pages)
		c->limit = -1;
	if (c->limit < 0)
		return;
	c->verdict = RAEXT_LIMITED;
	most = raext_max_pages(c);
	if (c->limit > most) {
		raext_clamped(c);
		c->limit = most;
	}
}

/**
 * raext_begin - find the policy
 * @c: the decision, with what the home knows
 *
 * Ends with raext_end().
 */
void raext_begin(struct raext_ctx *c)
{
	c->limit = -1;
	c->cached_budget = RAEXT_CACHED_BUDGET;
	c->policy = raext_scope_get(raext_mapping_dev(c->mapping));
}

/**
 * raext_ask - ask the policy
 * @c: the decision; its verdict, limit and window are filled in
 *
 * Asks once for each decision.
 */
void raext_ask(struct raext_ctx *c)
{
	const struct bpf_fs_readahead_ops *ops;
	struct raext_clock clock;

	if (c->asked || !c->policy)
		return;
	c->asked = true;
	rcu_read_lock();
	ops = raext_scope_ops(c->policy);
	if (!ops)
		goto unlock;
	c->answered = ops;
	c->wants = ops->wants;
	raext_fill_state(c);
	clock = raext_clock_start();
	if (ops->decide)
		raext_ask_decide(c, ops);
	if (ops->get_max_ra && c->verdict != RAEXT_TAKEN)
		raext_ask_limit(c, ops);
	raext_clock_stop(c, clock);
	c->wants_windows = ops->get_ra && c->verdict != RAEXT_TAKEN;
	/* get_ra is asked where nothing can be allocated. */
	if (c->wants_windows && raext_scope_wants_ranges(c->policy))
		raext_ranges_prepare(c);
unlock:
	rcu_read_unlock();
}

/* The kernel's window @w is put to get_ra. */
static bool raext_ask_get_ra(struct raext_ctx *c,
			     const struct bpf_fs_readahead_ops *ops,
			     struct raext_window *w)
{
	struct bpf_fs_readahead_state *s = &c->state;
	struct raext_clock clock = raext_clock_start();
	int size = raext_call(c, *w, ops->get_ra);

	raext_clock_stop(c, clock);
	raext_count(c, RAEXT_WINDOWS, 1);
	if (size >= 0)
		s->size = size;
	/* A size alone shortens the tail that the kernel computed. */
	if (s->async_size == w->async_size && s->size < w->size)
		s->async_size = min(s->async_size, s->size);

	if (s->start == w->start && s->size == w->size &&
	    s->async_size == w->async_size)
		return false;
	c->verdict = RAEXT_CHANGED;
	*w = raext_window_of(c);
	if (!w->size)
		*w = raext_requested(c);
	return true;
}

/**
 * raext_ask_window - ask the policy about a window
 * @c: the decision
 * @w: the window that the kernel computed; the policy's on return. Size 0
 *	stands for "nothing".
 *
 * Context: just before the kernel reads the window; does not sleep.
 *
 * Return: whether the window is another one now
 */
bool raext_ask_window(struct raext_ctx *c, struct raext_window *w)
{
	const struct bpf_fs_readahead_ops *ops;
	bool changed = false;

	rcu_read_lock();
	ops = raext_scope_ops(c->policy);
	/* Replaced meanwhile: a decision is one policy's. */
	if (ops && ops == c->answered && ops->get_ra)
		changed = raext_ask_get_ra(c, ops, w);
	rcu_read_unlock();
	c->window = *w;
	return changed;
}

/**
 * raext_end - count the decision
 * @c: the decision; the ranges that it still has are dropped
 */
void raext_end(struct raext_ctx *c)
{
	char name[BPF_FS_RA_NAME_LEN];

	if (!c->policy)
		return;
	if (c->nr_ranges || c->more)
		raext_ranges_drop(c, RAEXT_DROP_LATE);
	if (c->asked) {
		raext_count(c, (enum raext_counter)c->verdict, 1);
		if (trace_readahead_decision_enabled() ||
		    trace_decision_enabled()) {
			raext_scope_name(c->policy, name);
			trace_readahead_decision(c, name);
			trace_decision(c, name);
		}
	}
	raext_scope_put(c->policy);
}
