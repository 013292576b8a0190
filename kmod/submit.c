// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads without a window of the kernel's: the requested pages alone, and the
 * ranges of a policy.
 *
 * Pages in flight are bounded for each file. Ranges over the bound are dropped
 * and counted. A batch is the pages of one decision, known by its last page.
 * The batch has arrived once that page is unlocked.
 */

#include <linux/backing-dev.h>
#include <linux/hash.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "raext.h"

static unsigned int max_in_flight_kb = 64 * 1024;
module_param(max_in_flight_kb, uint, 0644);
MODULE_PARM_DESC(max_in_flight_kb,
		 "how much a policy may have in flight by ranges, KiB a file (default 65536)");

/*
 * do_page_cache_ra(): read, but not behind the page that holds the file's last
 * byte.
 */
void raext_read_pages(struct readahead_control *ractl, unsigned long nr,
		      unsigned long lookahead)
{
	pgoff_t file_pages = raext_file_pages(ractl->mapping);
	pgoff_t index = readahead_index(ractl);

	if (index < file_pages)
		raext_ra_unbounded(ractl, min(nr, file_pages - index),
				   lookahead);
}

/*
 * Read the requested pages and no others, in the portions and up to the limit
 * of force_page_cache_ra().
 */
void raext_read_asked(struct readahead_control *ractl,
		      const struct raext_decision *d)
{
	unsigned long most = max_t(unsigned long, d->ra->ra_pages,
				   inode_to_bdi(d->mapping->host)->io_pages);
	unsigned long left = clamp(d->req_pages, 1UL, max(most, 1UL));

	while (left) {
		unsigned long nr = min(left, SZ_2M / PAGE_SIZE);

		raext_read_pages(ractl, nr, 0);
		left -= nr;
	}
}

/**
 * raext_absent - how much of a range is not in the page cache
 * @mapping: the file's page cache
 * @index: first page
 * @nr: pages; @index + @nr does not overflow
 *
 * Return: pages
 */
u32 raext_absent(struct address_space *mapping, pgoff_t index, u32 nr)
{
	pgoff_t last = index + nr - 1;
	XA_STATE(xas, &mapping->i_pages, index);
	struct folio *folio;
	u32 absent = nr;

	rcu_read_lock();
	xas_for_each(&xas, folio, last) {
		pgoff_t first, pages;

		if (xas_retry(&xas, folio) || xa_is_value(folio))
			continue;
		/* The folio may be freed meanwhile: it is not followed. */
		pages = 1UL << xas_get_order(&xas);
		first = round_down(xas.xa_index, pages);
		absent -= min(first + pages - 1, last) - max(first, index) + 1;
	}
	rcu_read_unlock();
	return absent;
}

/* How many pages from the beginning of a range are in the page cache. */
static u32 raext_present(struct address_space *mapping, pgoff_t index, u32 nr)
{
	pgoff_t miss;

	rcu_read_lock();
	miss = page_cache_next_miss(mapping, index, nr);
	rcu_read_unlock();
	return min_t(pgoff_t, miss - index, nr);
}

/* Pages in flight */

#define RAEXT_FLIGHT_BITS	7
#define RAEXT_BATCHES		8

/*
 * The batches in flight of a file. Another file with the same hash takes the
 * slot over. The mapping is compared, never followed.
 */
static struct raext_flight {
	spinlock_t lock;	/* of all below */
	const struct address_space *mapping;
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
	struct folio *folio = filemap_get_folio(mapping, index);
	bool in_flight;

	if (IS_ERR(folio))
		return false;
	in_flight = folio_test_locked(folio) && !folio_test_uptodate(folio);
	folio_put(folio);
	return in_flight;
}

/* Pages that may still be put in flight. */
static u32 raext_flight_room(struct address_space *mapping)
{
	u32 most = READ_ONCE(max_in_flight_kb) >> (PAGE_SHIFT - 10);
	struct raext_flight *flight = raext_flight(mapping);
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
	return most - min(most, pages);
}

static void raext_flight_add(const struct address_space *mapping, pgoff_t last,
			     u32 pages)
{
	struct raext_flight *flight = raext_flight(mapping);

	spin_lock(&flight->lock);
	if (flight->mapping != mapping)
		memset(flight->batches, 0, sizeof(flight->batches));
	flight->mapping = mapping;
	/* The oldest batch is forgotten: it has most likely arrived. */
	memmove(&flight->batches[1], &flight->batches[0],
		sizeof(flight->batches) - sizeof(flight->batches[0]));
	flight->batches[0] = (struct raext_batch) { last, pages };
	spin_unlock(&flight->lock);
}

/* Ranges */

/* Cut a range to the file and the hard limit. Pages cut off are counted. */
static u32 raext_range_clip(const struct raext_decision *d, u64 index, u32 nr)
{
	pgoff_t file_pages = raext_file_pages(d->mapping);
	u64 inside = index < file_pages ? file_pages - index : 0;
	u32 most = raext_hard_limit();

	if (nr > inside) {
		raext_count(d, RAEXT_DROP_EOF, nr - inside);
		nr = inside;
	}
	if (nr > most) {
		raext_count(d, RAEXT_DROP_LIMIT, nr - most);
		nr = most;
	}
	return nr;
}

/*
 * Read the absent pages of a range, up to the room in flight. The first absent
 * page of the range gets the mark, so the cached pages before it are skipped.
 *
 * Return: pages submitted; @last is the last of them
 */
static u32 raext_range_read(struct raext_decision *d, pgoff_t index, u32 nr,
			    bool mark, u32 room, pgoff_t *last)
{
	struct file_ra_state copy = *d->ra;
	u32 skip = raext_present(d->mapping, index, nr);
	u32 absent, came;

	raext_count(d, RAEXT_CACHED, skip);
	index += skip;
	nr -= skip;
	if (nr > room) {
		raext_count(d, RAEXT_DROP_BUSY, nr - room);
		nr = room;
	}
	if (!nr)
		return 0;
	*last = index + nr - 1;
	absent = raext_absent(d->mapping, index, nr);
	raext_count(d, RAEXT_CACHED, nr - absent);
	{
		DEFINE_READAHEAD(ractl, d->file, &copy, d->mapping, index);

		raext_read_pages(&ractl, nr, mark ? nr : 0);
	}
	/* Readahead stops at the first page without memory. */
	came = absent - min(absent, raext_absent(d->mapping, index, nr));
	raext_count(d, RAEXT_SUBMITTED, came);
	raext_count(d, RAEXT_DROP_MEMORY, absent - came);
	return came;
}

/**
 * raext_read_ranges - submit the ranges of a policy
 * @d: the decision; its queue is emptied
 *
 * Context: may sleep; no folio of the file is locked by the caller, since
 * reading takes the mapping's invalidate_lock.
 */
void raext_read_ranges(struct raext_decision *d)
{
	struct raext_queue *queue = d->queue;
	pgoff_t last = 0;
	u32 room, came = 0;
	u32 i;

	if (!queue)
		return;
	d->queue = NULL;
	room = min(raext_flight_room(d->mapping), raext_memory_share());
	for (i = 0; i < queue->nr; i++) {
		u64 index = queue->ranges[i].index;
		u32 nr = raext_range_clip(d, index, queue->ranges[i].nr);
		u32 pages;

		if (!nr)
			continue;
		pages = raext_range_read(d, index, nr,
					 queue->ranges[i].flags &
					 BPF_FS_RA_PREFETCH_MARK, room, &last);
		room -= min(room, pages);
		came += pages;
	}
	if (came)
		raext_flight_add(d->mapping, last, came);
	d->submitted += came;
	kfree(queue);
}

/**
 * raext_drop_ranges - drop ranges that came too late to be read
 * @d: the decision; its queue is emptied
 */
void raext_drop_ranges(struct raext_decision *d)
{
	struct raext_queue *queue = d->queue;
	u32 i;

	if (!queue)
		return;
	d->queue = NULL;
	for (i = 0; i < queue->nr; i++)
		raext_count(d, RAEXT_DROP_LATE, queue->ranges[i].nr);
	kfree(queue);
}
