// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the kernel is made to read what a policy decided.
 *
 * The kernel is asked for a window that it computes whatever the history: the
 * page follows the previous read (a miss), or is where the mark is expected (a
 * mark). The hook on page_cache_ra_order() then puts the policy's window in the
 * place of it. So it is the kernel that reads, in the folios that it finds
 * right, and that looks at the congestion of the task's block cgroup first: the
 * hook is not reached then.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "../core/ranges.h"
#include "shim.h"

/* As force_page_cache_ra(): not too much memory is locked at once. */
#define RAEXT_PORTION	(SZ_2M / PAGE_SIZE)

/* Take the mark from a page that came with one. */
static void raext_unmark(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = raext_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	folio_clear_readahead(folio);
	folio_put(folio);
}

/* Read one portion. False if the kernel does not read. */
static bool raext_steer(struct raext_call *call, struct raext_window w)
{
	struct raext_ctx *c = &call->ctx;
	struct file_ra_state copy = *c->ra;
	bool unmark = false;
	/* The hook gives the file back: one with the random hint is not read. */
	DEFINE_READAHEAD(ractl, NULL, &copy, c->mapping, w.start);

	if (c->speculative && !w.async_size) {
		/* The kernel marks where the tail begins, in a folio that it adds. */
		unmark = raext_absent(c->mapping, w.start, 1);
		w.async_size = w.size;
	}
	raext_set_dropbehind(&ractl, c->dropbehind);
	copy.ra_pages = w.size;
	call->steered = w;
	if (call->folio) {
		ractl._index = call->folio->index;
		copy.start = call->folio->index;
		copy.size = 1;
		copy.async_size = 1;
		page_cache_async_ra(&ractl, call->folio, 1);
	} else {
		copy.prev_pos = (loff_t)w.start << PAGE_SHIFT;
		page_cache_sync_ra(&ractl, 1);
	}
	/* The file's folios grow by its windows, not by ranges or portions. */
	if (!c->speculative && w.start == c->window.start)
		raext_ra_copy_order(c->ra, &copy);
	if (unmark)
		raext_unmark(c->mapping, w.start);
	if (!call->steered.size)
		return true;
	call->steered.size = 0;
	return false;
}

int raext_env_read(struct raext_ctx *c, struct raext_window w)
{
	struct raext_call *call = raext_call_of(c);
	u64 end = w.start + w.size;
	u64 mark = end - w.async_size;

	while (w.start < end) {
		u64 next = min(end, w.start + RAEXT_PORTION);

		if (fatal_signal_pending(current))
			return -EINTR;
		w.size = next - w.start;
		w.async_size = mark >= w.start && mark < next ? next - mark : 0;
		if (!raext_steer(call, w))
			return -EAGAIN;
		w.start = next;
	}
	return 0;
}

/**
 * raext_env_publish - write a window to the file's own state
 * @call: the call
 * @w: the window
 *
 * Before the I/O, as the kernel does: another task with the same descriptor sees
 * it from here on, and what that task writes is not overwritten later.
 */
void raext_env_publish(struct raext_call *call, struct raext_window w)
{
	struct file_ra_state *ra = call->ctx.ra;

	ra->start = w.start;
	ra->size = w.size;
	ra->async_size = w.async_size;
	call->published = w;
}

/**
 * raext_env_read_window - read the window that decide gave
 * @call: the call; a window of size 0 stands for what was requested
 */
void raext_env_read_window(struct raext_call *call)
{
	struct raext_ctx *c = &call->ctx;

	if (c->window.size)
		raext_env_publish(call, c->window);
	else
		c->window = raext_requested(c);
	if (raext_env_read(c, c->window) == -EAGAIN)
		raext_count(c, RAEXT_CONGESTED, 1);
}

/*
 * The read-around of do_sync_mmap_readahead(), with the decision's limit in
 * the place of the file's ra_pages.
 */
static struct raext_window raext_window_around(const struct raext_ctx *c)
{
	u32 limit = c->limit;

	return (struct raext_window) {
		.start = c->index - min_t(pgoff_t, c->index, limit / 2),
		.size = limit,
		.async_size = limit / 4,
	};
}

/**
 * raext_env_open_window - read a window where the kernel would read none
 * @call: a fault with a limit, on a file whose own limit is 0
 */
void raext_env_open_window(struct raext_call *call)
{
	struct raext_ctx *c = &call->ctx;
	struct raext_window w = raext_window_around(c);

	if (c->wants_windows)
		raext_ask_window(c, &w);
	c->window = w;
	raext_env_read_window(call);
}

/* A window of a fault, with the decision's limit. */
static struct raext_window raext_limited(const struct raext_call *call,
					 struct raext_window w)
{
	/* 6.18: a window of an executable mapping has no tail and ends with it. */
	if (!call->exec || w.async_size)
		return raext_window_around(&call->ctx);
	w.size = min_t(u32, w.size, call->ctx.limit);
	return w;
}

/* What was decided before filemap_fault() is for its first window. */
static bool raext_answer_fault(struct raext_call *call, struct raext_window *w)
{
	struct raext_ctx *c = &call->ctx;

	if (!call->left)
		return false;
	call->left = false;
	if (c->verdict == RAEXT_TAKEN) {
		*w = c->window.size ? c->window : raext_requested(c);
		if (call->locked)
			raext_shorten(w, c->ra->ra_pages);
	} else if (c->limit == 0) {
		*w = raext_requested(c);
	} else if (c->limit > 0 && !call->huge) {
		*w = raext_limited(call, *w);
	} else {
		return false;
	}
	c->window = *w;
	return true;
}

/* The policy's window in the place of the one that the kernel computed. */
static void raext_exchange(struct raext_call *call,
			   struct readahead_control *ractl)
{
	struct raext_ctx *c = &call->ctx;
	/* The kernel reads from the index, whatever ra->start says. */
	struct raext_window w = {
		readahead_index(ractl), ractl->ra->size, ractl->ra->async_size
	};
	bool changed = raext_answer_fault(call, &w);

	if (c->wants_windows && c->limit) {
		c->in_hook = true;
		changed |= raext_ask_window(c, &w);
		c->in_hook = false;
	} else if (c->verdict != RAEXT_TAKEN) {
		c->window = w;
	}
	if (!changed && !call->lent)
		return;
	if (!w.size) {
		/*
		 * Nothing to read: behind the file's end, and unpublished. Not at
		 * 0, before which a window of 0 pages would have its end.
		 */
		w.start = max(raext_file_pages(c->mapping), 1UL);
		raext_put_window(ractl, w);
		return;
	}
	if (changed)
		raext_put_window(ractl, w);
	if (call->lent)
		raext_env_publish(call, w);
}

/**
 * raext_hook_put - a window is about to be read
 * @call: the call that leads to it
 * @ractl: with the window, which is changed in place
 *
 * Context: inside of ftrace; does not sleep.
 */
void raext_hook_put(struct raext_call *call, struct readahead_control *ractl)
{
	if (call->steered.size) {
		raext_put_window(ractl, call->steered);
		ractl->file = call->ctx.file;
		call->steered.size = 0;
	} else if (call->ctx.asked) {
		raext_exchange(call, ractl);
	}
}
