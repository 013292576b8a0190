// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ranges that a policy asks for beside the window: noted by a callback, read
 * after it, as far as the file, memory and what is in flight allow. Each page that
 * is not read is counted with the reason.
 *
 * Pages in flight are bounded for each file. A batch is the pages of one
 * decision, known by the last page of them that was absent. The batch has
 * arrived once that page is unlocked.
 */

#include <linux/hash.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "ctx.h"
#include "env.h"
#include "memory.h"
#include "ranges.h"
#include "scope.h"

static unsigned int max_in_flight_kb = 64 * 1024;
module_param(max_in_flight_kb, uint, 0644);
MODULE_PARM_DESC(max_in_flight_kb,
		 "how much a policy may have in flight by ranges, KiB a file (default 65536)");

/* The queue */

/* Those of the context and those of the allocation. */
#define RAEXT_RANGES_MORE	(RAEXT_RANGES_MAX - RAEXT_RANGES_OWN)

/**
 * raext_ranges_prepare - have room for all ranges
 * @c: the decision
 *
 * For get_ra, which runs where nothing can be allocated: under ftrace, which may
 * have preemption off. Called once the policy has asked for so many there.
 * Without memory, the room is what the context has.
 *
 * Context: inside of RCU; does not sleep.
 */
void raext_ranges_prepare(struct raext_ctx *c)
{
	if (!c->more)
		c->more = kmalloc_array(RAEXT_RANGES_MORE, sizeof(*c->more),
					GFP_NOWAIT | __GFP_NOWARN);
}

/* PREEMPT_RT: a policy may have called bpf_preempt_disable(). */
static bool raext_is_atomic(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible();
}

static struct raext_range *raext_range_at(struct raext_ctx *c, u32 i)
{
	return i < RAEXT_RANGES_OWN ? &c->ranges[i] :
				      &c->more[i - RAEXT_RANGES_OWN];
}

/**
 * raext_range_add - note a range of a policy
 * @c: the decision
 * @index: first page
 * @nr: pages, not 0
 * @flags: &enum bpf_fs_readahead_prefetch_flags
 *
 * Return: 0, -ENOSPC when the decision has RAEXT_RANGES_MAX, -ENOMEM
 */
int raext_range_add(struct raext_ctx *c, u64 index, u32 nr, u32 flags)
{
	c->ranges_asked++;
	raext_count(c, RAEXT_RANGES, 1);
	raext_count(c, RAEXT_PAGES, nr);
	if (c->nr_ranges == RAEXT_RANGES_MAX) {
		raext_count(c, RAEXT_DROP_FULL, nr);
		return -ENOSPC;
	}
	if (c->nr_ranges >= RAEXT_RANGES_OWN) {
		if (c->in_hook || raext_is_atomic())
			WRITE_ONCE(c->policy->wants_ranges, true);
		else
			raext_ranges_prepare(c);
		if (!c->more) {
			raext_count(c, RAEXT_DROP_MEMORY, nr);
			return -ENOMEM;
		}
	}
	*raext_range_at(c, c->nr_ranges++) = (struct raext_range) {
		.index = index,
		.nr = nr,
		.flags = flags,
	};
	return 0;
}

static void raext_ranges_free(struct raext_ctx *c)
{
	c->nr_ranges = 0;
	kfree(c->more);
	c->more = NULL;
}

/**
 * raext_ranges_drop - give up the ranges that were not read
 * @c: the decision
 * @why: the counter of the reason
 */
void raext_ranges_drop(struct raext_ctx *c, enum raext_counter why)
{
	u32 i;

	for (i = 0; i < c->nr_ranges; i++)
		raext_count(c, why, raext_range_at(c, i)->nr);
	raext_ranges_free(c);
}

/* The page cache */

/**
 * struct raext_cover - how much of a range entries of the page cache cover
 *
 * @next: first page that no entry covered so far
 * @end: the page behind the range
 * @absent: pages that no entry covers
 * @first: the first page of those; valid if @absent is not 0
 * @last: the last page of those; likewise
 */
struct raext_cover {
	u64 next;
	u64 end;
	u32 absent;
	u64 first;
	u64 last;
};

/*
 * An entry of @pages pages from @first. Entries come in order, but a folio that is
 * split meanwhile comes whole and then in parts: each page counts once.
 */
static void raext_cover_entry(struct raext_cover *cover, u64 first, u64 pages)
{
	u64 from = max(first, cover->next);
	u64 to = min(first + pages, cover->end);

	if (from > cover->next) {
		if (!cover->absent)
			cover->first = cover->next;
		cover->absent += from - cover->next;
		cover->last = from - 1;
	}
	cover->next = max(cover->next, to);
}

static void raext_cover_end(struct raext_cover *cover)
{
	raext_cover_entry(cover, cover->end, 0);
}

static struct raext_cover raext_cover(struct address_space *mapping,
				      pgoff_t index, u32 nr)
{
	struct raext_cover cover = { .next = index, .end = (u64)index + nr };
	XA_STATE(xas, &mapping->i_pages, index);
	struct folio *folio;

	rcu_read_lock();
	xas_for_each(&xas, folio, index + nr - 1) {
		unsigned long pages;

		if (xas_retry(&xas, folio) || xa_is_value(folio))
			continue;
		/* The folio may be freed meanwhile: it is not followed. */
		pages = 1UL << xas_get_order(&xas);
		raext_cover_entry(&cover, round_down(xas.xa_index, pages),
				  pages);
	}
	rcu_read_unlock();
	raext_cover_end(&cover);
	return cover;
}

/**
 * raext_absent - how much of a range is not in the page cache
 * @mapping: the file's page cache
 * @index: first page
 * @nr: pages; @index + @nr does not overflow
 *
 * Return: pages, up to @nr
 */
u32 raext_absent(struct address_space *mapping, pgoff_t index, u32 nr)
{
	return raext_cover(mapping, index, nr).absent;
}

/* Pages in flight */

#define RAEXT_FLIGHT_BITS	7
#define RAEXT_BATCHES		8

/*
 * The batches in flight of a file, and the pages that are being submitted right
 * now. Another file with the same hash takes the place. The mapping is compared,
 * never followed.
 */
static struct raext_flight {
	spinlock_t lock;	/* of all below */
	const struct address_space *mapping;
	u32 reading;
	struct raext_batch {
		pgoff_t last;
		u32 pages;
	} batches[RAEXT_BATCHES];
} raext_flights[1 << RAEXT_FLIGHT_BITS] = {
	[0 ... (1 << RAEXT_FLIGHT_BITS) - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(raext_flights.lock),
	},
};

static struct raext_flight *raext_flight(const struct address_space *mapping)
{
	return &raext_flights[hash_ptr((void *)mapping, RAEXT_FLIGHT_BITS)];
}

static bool raext_is_in_flight(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = raext_get_folio(mapping, index);
	bool in_flight;

	if (IS_ERR(folio))
		return false;
	in_flight = folio_test_locked(folio) && !folio_test_uptodate(folio);
	folio_put(folio);
	return in_flight;
}

static noinline u32 raext_batches_in_flight(struct address_space *mapping,
					    struct raext_flight *flight)
{
	struct raext_batch batches[RAEXT_BATCHES] = {};
	u32 pages = 0;
	int i;

	spin_lock(&flight->lock);
	if (flight->mapping == mapping)
		memcpy(batches, flight->batches, sizeof(batches));
	spin_unlock(&flight->lock);

	for (i = 0; i < RAEXT_BATCHES; i++) {
		if (batches[i].pages &&
		    raext_is_in_flight(mapping, batches[i].last))
			pages += batches[i].pages;
	}
	return pages;
}

/**
 * raext_inflight_pages - pages asked for by policies that have not arrived
 * @mapping: the file's page cache
 *
 * Return: pages, as far as batches are known
 */
u32 raext_inflight_pages(struct address_space *mapping)
{
	struct raext_flight *flight = raext_flight(mapping);

	/* Most files have no batch: a race costs one wrong guess. */
	if (READ_ONCE(flight->mapping) != mapping)
		return 0;
	return raext_batches_in_flight(mapping, flight);
}

/* The place of a locked flight becomes this file's. */
static void raext_inflight_claim(struct raext_flight *flight,
				 const struct address_space *mapping)
{
	if (flight->mapping == mapping)
		return;
	memset(flight->batches, 0, sizeof(flight->batches));
	flight->reading = 0;
	WRITE_ONCE(flight->mapping, mapping);
}

/* How many of @pages may be put in flight: they count as such from here on. */
static u32 raext_inflight_begin(struct address_space *mapping, u32 pages)
{
	u32 most = READ_ONCE(max_in_flight_kb) >> (PAGE_SHIFT - 10);
	struct raext_flight *flight = raext_flight(mapping);
	u32 flying = raext_inflight_pages(mapping);

	spin_lock(&flight->lock);
	raext_inflight_claim(flight, mapping);
	flying += flight->reading;
	pages = min(pages, most - min(most, flying));
	flight->reading += pages;
	spin_unlock(&flight->lock);
	return pages;
}

/* Of @pages, so many @came; @last is the last of those. */
static void raext_inflight_end(const struct address_space *mapping, u32 pages,
			       pgoff_t last, u32 came)
{
	struct raext_flight *flight = raext_flight(mapping);

	spin_lock(&flight->lock);
	raext_inflight_claim(flight, mapping);
	flight->reading -= min(flight->reading, pages);
	if (came) {
		/* The oldest batch is forgotten: it has most likely arrived. */
		memmove(&flight->batches[1], &flight->batches[0],
			sizeof(flight->batches) - sizeof(flight->batches[0]));
		flight->batches[0] = (struct raext_batch) { last, came };
	}
	spin_unlock(&flight->lock);
}

/* Reading */

/**
 * struct raext_reading - the ranges of a decision while they are read
 *
 * @room: pages that may still be put in flight
 * @came: pages that were put in flight
 * @last: the last of them
 * @refused: the counter of the reason if the home reads no more, else 0
 */
struct raext_reading {
	u32 room;
	u32 came;
	pgoff_t last;
	enum raext_counter refused;
};

/* Cut a range to the file and the hard limit. Pages cut off are counted. */
static u32 raext_range_clip(struct raext_ctx *c, u64 index, u32 nr)
{
	pgoff_t file_pages = raext_file_pages(c->mapping);
	u64 inside = index < file_pages ? file_pages - index : 0;
	u32 most = raext_max_pages(c);

	if (nr > inside) {
		raext_count(c, RAEXT_DROP_EOF, nr - inside);
		nr = inside;
	}
	if (nr > most) {
		raext_count(c, RAEXT_DROP_LIMIT, nr - most);
		nr = most;
	}
	return nr;
}

/*
 * Read the absent pages of a range. The first absent page of the range gets the
 * mark, so the cached pages before it are skipped.
 */
static void raext_range_read(struct raext_ctx *c, struct raext_reading *r,
			     pgoff_t index, u32 nr, bool mark)
{
	struct raext_cover after, before = raext_cover(c->mapping, index, nr);
	u32 skip = before.absent ? before.first - index : nr;
	u32 came;
	int err;

	raext_count(c, RAEXT_CACHED, skip);
	index += skip;
	nr -= skip;
	if (nr > r->room) {
		raext_count(c, RAEXT_DROP_BUSY, nr - r->room);
		nr = r->room;
		if (nr)
			before = raext_cover(c->mapping, index, nr);
	}
	if (!nr)
		return;
	raext_count(c, RAEXT_CACHED, nr - before.absent);
	err = raext_env_read(c, (struct raext_window) {
		.start = index,
		.size = nr,
		.async_size = mark ? nr : 0,
	});
	if (err)
		r->refused = err == -EINTR ? RAEXT_DROP_LATE :
					     RAEXT_DROP_CONGESTED;
	after = raext_cover(c->mapping, index, nr);
	came = before.absent - min(before.absent, after.absent);
	raext_count(c, RAEXT_SUBMITTED, came);
	/* Readahead stops at the first page without memory. */
	raext_count(c, r->refused ?: RAEXT_DROP_MEMORY, before.absent - came);
	r->room -= min(r->room, came);
	r->came += came;
	/* Reading stopped at the first page that is absent still. */
	if (came)
		r->last = after.absent ? min_t(u64, before.last, after.first - 1) :
					 before.last;
}

/**
 * raext_ranges - read the ranges of a policy
 * @c: the decision
 *
 * Context: as @may says.
 */
void raext_ranges(struct raext_ctx *c)
{
	struct raext_reading r = {};
	u32 granted, i;
	u64 asked = 0;

	if (!c->nr_ranges)
		return;
	if (~c->may & (RAEXT_MAY_SLEEP | RAEXT_MAY_WAIT)) {
		raext_ranges_drop(c, RAEXT_DROP_LATE);
		return;
	}
	for (i = 0; i < c->nr_ranges; i++)
		asked += raext_range_at(c, i)->nr;
	granted = raext_inflight_begin(c->mapping, min_t(u64, asked,
							 raext_memory_share()));
	r.room = granted;
	c->speculative = true;
	for (i = 0; i < c->nr_ranges; i++) {
		const struct raext_range *range = raext_range_at(c, i);
		u32 nr;

		cond_resched();
		if (r.refused) {
			raext_count(c, r.refused, range->nr);
			continue;
		}
		nr = raext_range_clip(c, range->index, range->nr);
		if (nr)
			raext_range_read(c, &r, range->index, nr,
					 range->flags & BPF_FS_RA_PREFETCH_MARK);
	}
	c->speculative = false;
	raext_inflight_end(c->mapping, granted, r.last, r.came);
	c->submitted += r.came;
	raext_ranges_free(c);
}
