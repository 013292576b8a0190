// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrappers of the read path. A wrapper asks the policy, calls the original
 * with the answer, and submits the ranges that the policy asked for.
 *
 * A decision without a policy, and one that keeps all, passes through: the
 * original works on the file's own state. One with a limit gets a copy of the
 * state, so that no other task sees the limit, and the hook publishes the window
 * before the I/O (see raext_env_publish()).
 *
 * No call here goes by address: the wrappers call the originals directly, by
 * their exported symbols, and do something afterwards. A call in tail position
 * would have no return address in this module, and the hook would redirect it
 * for ever.
 */

#include <linux/backing-dev.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "shim.h"

DEFINE_SRCU(raext_srcu);

static void raext_read_begin(struct raext_call *call,
			     struct readahead_control *ractl,
			     unsigned long req_pages, u32 event)
{
	*call = (struct raext_call) {
		.ctx = {
			.mapping = ractl->mapping,
			.file = ractl->file,
			.ra = ractl->ra,
			.index = readahead_index(ractl),
			.req_pages = req_pages,
			.flags = event,
			.may = RAEXT_MAY_SLEEP | RAEXT_MAY_WAIT,
			.dropbehind = raext_dropbehind(ractl),
		},
	};
	if (ractl->file && (ractl->file->f_mode & FMODE_RANDOM))
		call->ctx.flags |= BPF_FS_RA_RANDOM;
	/* How filemap_get_pages() says IOCB_NOWAIT. A loop device's task says more. */
	if ((current->flags & (PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE)) ==
	    PF_MEMALLOC_NOIO) {
		call->ctx.may &= ~RAEXT_MAY_WAIT;
		call->ctx.flags |= BPF_FS_RA_NOWAIT;
	}
	if (call->ctx.dropbehind)
		call->ctx.flags |= BPF_FS_RA_DONTCACHE;
	raext_begin(&call->ctx);
	if (call->ctx.policy)
		raext_call_begin(call);
}

/*
 * khugepaged misses a page while it holds the locks of the pages before it, which
 * came long ago: no I/O has those.
 */
static bool raext_holds_folios(const struct raext_ctx *c)
{
	bool holds = false;
	struct folio *folio;

	if (!c->index)
		return false;
	rcu_read_lock();
	folio = xa_load(&c->mapping->i_pages, c->index - 1);
	if (folio && !xa_is_value(folio))
		holds = raext_folio_may_be_held(folio);
	rcu_read_unlock();
	return holds;
}

static void raext_read_end(struct raext_call *call)
{
	struct raext_ctx *c = &call->ctx;

	if (!c->policy)
		return;
	if (c->nr_ranges && c->flags & BPF_FS_RA_MISS && raext_holds_folios(c))
		c->may &= ~RAEXT_MAY_SLEEP;
	raext_ranges(c);
	raext_call_end(call);
	/* The caller is about to wait for its page, if it can wait. */
	if (c->flags & BPF_FS_RA_MISS)
		raext_expect_wait(c);
	raext_end(c);
}

/* Give the original a copy of the file's readahead state, if need be. */
static void raext_ra_lend(struct raext_call *call,
			  struct readahead_control *ractl,
			  struct file_ra_state *copy)
{
	const struct raext_ctx *c = &call->ctx;

	if (c->limit < 0 && !c->wants_windows)
		return;
	*copy = *ractl->ra;
	if (c->limit > 0)
		copy->ra_pages = c->limit;
	ractl->ra = copy;
	call->published.size = 0;
	call->lent = true;
}

static void raext_ra_return(struct raext_call *call,
			    struct readahead_control *ractl,
			    struct file_ra_state *ra)
{
	const struct file_ra_state *copy = ractl->ra;
	const struct raext_window *w = &call->published;

	if (!call->lent)
		return;
	call->lent = false;
	ractl->ra = ra;
	/* Unless another task has used the descriptor meanwhile. */
	if (w->size && ra->start == w->start && ra->size == w->size)
		raext_ra_copy_order(ra, copy);
}

/* Only what was asked for, up to the limit of force_page_cache_ra(). */
static void raext_read_requested(struct raext_call *call)
{
	struct raext_ctx *c = &call->ctx;
	struct raext_window w = raext_requested(c);
	u32 most = max_t(u32, c->ra->ra_pages,
			 inode_to_bdi(c->mapping->host)->io_pages);

	w.size = min(w.size, max(most, 1U));
	if (raext_env_read(c, w) == -EAGAIN)
		raext_count(c, RAEXT_CONGESTED, 1);
}

static void raext_sync_decided(struct readahead_control *ractl,
			       unsigned long req_pages, struct raext_call *call)
{
	struct file_ra_state copy, *ra = ractl->ra;
	struct raext_ctx *c = &call->ctx;

	if (c->verdict == RAEXT_TAKEN && c->window.size) {
		raext_env_read_window(call);
	} else if (c->verdict == RAEXT_TAKEN || c->limit == 0) {
		/* As random reads: the file's window stays as it was. */
		raext_read_requested(call);
	} else {
		raext_ra_lend(call, ractl, &copy);
		page_cache_sync_ra(ractl, req_pages);
		raext_ra_return(call, ractl, ra);
	}
}

/*
 * A fault with MADV_SEQUENTIAL: what it asks for is the file's limit, which
 * gives way to the decision's.
 */
static void raext_sync_of_fault(struct readahead_control *ractl,
				unsigned long req_pages,
				struct raext_call *call)
{
	struct file_ra_state copy, *ra = ractl->ra;
	struct raext_ctx *c = &call->ctx;

	/* The kernel may read as much without a window, past the hook. */
	if (c->limit == 0 || c->verdict == RAEXT_TAKEN) {
		req_pages = 1;
	} else if (c->limit > 0) {
		call->left = false;
		raext_ra_lend(call, ractl, &copy);
		req_pages = c->limit;
	}
	page_cache_sync_ra(ractl, req_pages);
	raext_ra_return(call, ractl, ra);
}

/**
 * raext_page_cache_sync_ra - in the place of page_cache_sync_ra()
 * @ractl: as there
 * @req_pages: as there
 */
void raext_page_cache_sync_ra(struct readahead_control *ractl,
			      unsigned long req_pages)
{
	struct raext_call own, *call;
	int idx = srcu_read_lock(&raext_srcu);

	call = raext_call_find(ractl->mapping);
	if (raext_selftest_has(ractl->mapping)) {
		raext_selftest_read(ractl, NULL);
	} else if (call && call->fault) {
		raext_sync_of_fault(ractl, req_pages, call);
	} else {
		raext_read_begin(&own, ractl, req_pages, BPF_FS_RA_MISS);
		raext_ask(&own.ctx);
		raext_sync_decided(ractl, req_pages, &own);
		raext_read_end(&own);
	}
	srcu_read_unlock(&raext_srcu, idx);
}

static void raext_async_decided(struct readahead_control *ractl,
				struct folio *folio, unsigned long req_pages,
				struct raext_call *call)
{
	struct file_ra_state copy, *ra = ractl->ra;
	struct raext_ctx *c = &call->ctx;

	raext_ask(c);
	if (c->verdict == RAEXT_TAKEN && c->window.size) {
		if (call->locked)
			raext_shorten(&c->window, c->ra->ra_pages);
		call->folio = folio;
		raext_env_read_window(call);
		call->folio = NULL;
	} else if (c->verdict == RAEXT_TAKEN || c->limit == 0) {
		/* Nothing to read, and no need to be asked again. */
		folio_clear_readahead(folio);
	} else {
		if (c->limit > 0 && (c->flags & BPF_FS_RA_MMAP))
			req_pages = c->limit;
		raext_ra_lend(call, ractl, &copy);
		page_cache_async_ra(ractl, folio, req_pages);
		raext_ra_return(call, ractl, ra);
	}
}

/**
 * raext_page_cache_async_ra - in the place of page_cache_async_ra()
 * @ractl: as there
 * @folio: as there
 * @req_pages: as there
 */
void raext_page_cache_async_ra(struct readahead_control *ractl,
			       struct folio *folio, unsigned long req_pages)
{
	struct raext_call own, *call;
	int idx = srcu_read_lock(&raext_srcu);

	call = raext_call_find(ractl->mapping);
	if (raext_selftest_has(ractl->mapping)) {
		raext_selftest_read(ractl, folio);
	} else if (folio_test_writeback(folio)) {
		/* The mark's bit means something else then: no event. */
		page_cache_async_ra(ractl, folio, req_pages);
	} else if (call && call->fault && !call->ctx.asked) {
		/* The fault that foresaw this mark. */
		if (!call->locked)
			call->ctx.may = RAEXT_MAY_SLEEP | RAEXT_MAY_WAIT;
		call->left = false;
		raext_async_decided(ractl, folio, req_pages, call);
		raext_ranges(&call->ctx);
	} else {
		raext_read_begin(&own, ractl, req_pages, BPF_FS_RA_MARK);
		/* A fault whose page came with a mark on it. */
		if (call && call->fault) {
			own.ctx.flags |= call->ctx.flags &
					 ~(BPF_FS_RA_MISS | BPF_FS_RA_FAULT);
			own.locked = call->locked;
			if (own.locked)
				own.ctx.may &= ~RAEXT_MAY_SLEEP;
		}
		/*
		 * btrfs has the folio locked where it reads for itself. The lock
		 * of another folio is that of the I/O that fills it.
		 */
		if (!ractl->file && folio_test_locked(folio))
			own.ctx.may &= ~RAEXT_MAY_SLEEP;
		raext_async_decided(ractl, folio, req_pages, &own);
		raext_read_end(&own);
	}
	srcu_read_unlock(&raext_srcu, idx);
}
