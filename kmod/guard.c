// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard of a policy. The guard counts the pages that the policy brings
 * in, the used ones and the ones dropped unused. It puts the kernel's own
 * readahead back when too large a share goes unused.
 *
 *	added to the cache, by a decision ----> pending
 *	read, faulted or mapped --------------> used
 *	dropped from the cache ---------------> unused
 *
 * A page that the application requested is not counted. A bounded table keeps
 * the pending pages in chunks of 64 pages of a file. A page without room in
 * the table is not counted either.
 *
 * The guard judges portions of RAEXT_PORTION pages whose fate is known. Three
 * portions in a row over the limit trip the guard. It stays tripped until the
 * policy is attached or replaced anew: the verdict does not flap.
 *
 * The guard learns from tracepoints. Its probes are registered only while a
 * guarded policy is attached, so an unguarded policy costs no probe.
 */

#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

#include "raext.h"
#include "policy.h"

#define RAEXT_PORTION		2048
#define RAEXT_STRIKES		3
#define RAEXT_MOST_CHUNKS	16384

/* Pending pages among 64 of a file. The mapping is compared, not followed. */
struct raext_chunk {
	struct hlist_node node;
	struct raext_policy *policy;
	const struct address_space *mapping;
	pgoff_t number;
	u64 pending;
};

#define RAEXT_CHUNK_BITS	8

static struct raext_chunk_bucket {
	raw_spinlock_t lock;
	struct hlist_head chunks;
} raext_chunks[1 << RAEXT_CHUNK_BITS] = {
	[0 ... (1 << RAEXT_CHUNK_BITS) - 1] = {
		.lock = __RAW_SPIN_LOCK_UNLOCKED(raext_chunks.lock),
	},
};

static atomic_t raext_nr_chunks;

/*
 * All chunks, and the free ones. The first guard allocates them: the probes
 * run under locks that forbid allocation on PREEMPT_RT.
 */
static struct raext_chunk *raext_pool;
static struct raext_chunk_bucket raext_free = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(raext_free.lock),
};

static struct raext_chunk_bucket *
raext_chunk_bucket(const struct address_space *mapping, pgoff_t number)
{
	return &raext_chunks[hash_64((unsigned long)mapping ^ number << 32,
				     RAEXT_CHUNK_BITS)];
}

static struct raext_chunk *raext_chunk_find(struct raext_chunk_bucket *bucket,
					    const struct address_space *mapping,
					    pgoff_t number)
{
	struct raext_chunk *chunk;

	hlist_for_each_entry(chunk, &bucket->chunks, node) {
		if (chunk->mapping == mapping && chunk->number == number)
			return chunk;
	}
	return NULL;
}

/* Move a free chunk into a locked bucket. NULL if no chunk is free. */
static struct raext_chunk *raext_chunk_take(struct raext_chunk_bucket *bucket)
{
	struct raext_chunk *chunk;

	raw_spin_lock(&raext_free.lock);
	chunk = hlist_entry_safe(raext_free.chunks.first, struct raext_chunk,
				 node);
	if (chunk)
		hlist_del(&chunk->node);
	raw_spin_unlock(&raext_free.lock);
	if (!chunk)
		return NULL;
	chunk->pending = 0;
	hlist_add_head(&chunk->node, &bucket->chunks);
	atomic_inc(&raext_nr_chunks);
	return chunk;
}

/* Return a chunk of a locked bucket to the pool. */
static void raext_chunk_put(struct raext_chunk *chunk)
{
	hlist_del(&chunk->node);
	raw_spin_lock(&raext_free.lock);
	hlist_add_head(&chunk->node, &raext_free.chunks);
	raw_spin_unlock(&raext_free.lock);
	atomic_dec(&raext_nr_chunks);
}

static int raext_pool_make(void)
{
	size_t i;

	raext_pool = kvcalloc(RAEXT_MOST_CHUNKS, sizeof(*raext_pool),
			      GFP_KERNEL);
	if (!raext_pool)
		return -ENOMEM;
	for (i = 0; i < RAEXT_MOST_CHUNKS; i++)
		hlist_add_head(&raext_pool[i].node, &raext_free.chunks);
	return 0;
}

/* No probe is registered any more, and no policy has a chunk. */
static void raext_pool_drop(void)
{
	INIT_HLIST_HEAD(&raext_free.chunks);
	kvfree(raext_pool);
	raext_pool = NULL;
}

/* Judgement */

static void raext_guard_trip(struct raext_policy *policy, u64 share)
{
	WRITE_ONCE(policy->guard.tripped, true);
	pr_notice("readahead_ext: %s: %llu%% of the pages that it brought in went unused, more than %u%%: the kernel's own readahead is back\n",
		  raext_policy_name(policy), share, policy->guard.percent);
}

static void raext_guard_judge(struct raext_policy *policy)
{
	struct raext_guard *guard = &policy->guard;
	u64 used = atomic64_read(&guard->used) - guard->used_before;
	u64 unused = atomic64_read(&guard->unused) - guard->unused_before;
	u64 share;

	if (used + unused < RAEXT_PORTION)
		return;
	guard->used_before += used;
	guard->unused_before += unused;
	share = div64_u64(100 * unused, used + unused);
	guard->strikes = share > guard->percent ? guard->strikes + 1 : 0;
	if (guard->strikes == RAEXT_STRIKES)
		raext_guard_trip(policy, share);
}

static void raext_guard_settle(struct raext_policy *policy, bool used,
			       unsigned int pages)
{
	struct raext_guard *guard = &policy->guard;

	atomic64_add(pages, used ? &guard->used : &guard->unused);
	/* One judge is enough: the next page tries again. */
	if (READ_ONCE(guard->tripped) || !raw_spin_trylock(&guard->judge))
		return;
	raext_guard_judge(policy);
	raw_spin_unlock(&guard->judge);
}

/* Pages, chunk by chunk */

static u64 raext_chunk_mask(pgoff_t number, pgoff_t first, pgoff_t last)
{
	unsigned int from = max(first, number << 6) & 63;
	unsigned int to = min(last, (number << 6) + 63) & 63;

	return GENMASK_ULL(to, from);
}

static void raext_chunk_pend(struct raext_policy *policy,
			     const struct address_space *mapping,
			     pgoff_t number, u64 mask)
{
	struct raext_chunk_bucket *bucket =
		raext_chunk_bucket(mapping, number);
	struct raext_chunk *chunk;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	chunk = raext_chunk_find(bucket, mapping, number);
	/* Another policy's chunk stays its own. */
	if (!chunk && policy->guard.on) {
		chunk = raext_chunk_take(bucket);
		if (chunk) {
			chunk->policy = policy;
			chunk->mapping = mapping;
			chunk->number = number;
		}
	}
	if (chunk && chunk->policy == policy)
		chunk->pending |= mask;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

static void raext_chunk_settle(const struct address_space *mapping,
			       pgoff_t number, u64 mask, bool used)
{
	struct raext_chunk_bucket *bucket =
		raext_chunk_bucket(mapping, number);
	struct raext_chunk *chunk;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	chunk = raext_chunk_find(bucket, mapping, number);
	if (chunk && chunk->pending & mask) {
		raext_guard_settle(chunk->policy, used,
				   hweight64(chunk->pending & mask));
		chunk->pending &= ~mask;
		if (!chunk->pending)
			raext_chunk_put(chunk);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

static void raext_settle(const struct address_space *mapping, pgoff_t first,
			 pgoff_t last, bool used)
{
	pgoff_t number;

	/* Few files have pending pages. */
	if (!atomic_read(&raext_nr_chunks))
		return;
	for (number = first >> 6; number <= last >> 6; number++)
		raext_chunk_settle(mapping, number,
				   raext_chunk_mask(number, first, last), used);
}

/* Probes of tracepoints */

static void raext_saw_add(void *unused, struct folio *folio)
{
	struct raext_decision *d = raext_underway_find(folio->mapping);
	pgoff_t first = folio->index;
	pgoff_t last = first + folio_nr_pages(folio) - 1;
	pgoff_t number;

	if (!d || !d->policy || !READ_ONCE(d->policy->guard.on) ||
	    (d->verdict == RAEXT_KEPT && !d->ranges))
		return;
	/* Requested pages are no readahead. */
	if (first < d->index + d->req_pages && last >= d->index)
		return;
	for (number = first >> 6; number <= last >> 6; number++)
		raext_chunk_pend(d->policy, folio->mapping, number,
				 raext_chunk_mask(number, first, last));
}

static void raext_saw_delete(void *unused, struct folio *folio)
{
	raext_settle(folio->mapping, folio->index,
		     folio->index + folio_nr_pages(folio) - 1, false);
}

static void raext_saw_range(void *unused, struct address_space *mapping,
			    pgoff_t first, pgoff_t last)
{
	raext_settle(mapping, first, last, true);
}

static void raext_saw_fault(void *unused, struct address_space *mapping,
			    pgoff_t index)
{
	raext_settle(mapping, index, index, true);
}

static struct raext_probe {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
} raext_probes[] = {
	{ "mm_filemap_add_to_page_cache", raext_saw_add },
	{ "mm_filemap_delete_from_page_cache", raext_saw_delete },
	{ "mm_filemap_get_pages", raext_saw_range },
	{ "mm_filemap_map_pages", raext_saw_range },
	{ "mm_filemap_fault", raext_saw_fault },
};

static void raext_probe_found(struct tracepoint *tracepoint, void *unused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_probes); i++) {
		if (!strcmp(tracepoint->name, raext_probes[i].name))
			raext_probes[i].tracepoint = tracepoint;
	}
}

static void raext_probes_remove(size_t nr)
{
	while (nr--)
		tracepoint_probe_unregister(raext_probes[nr].tracepoint,
					    raext_probes[nr].probe, NULL);
	tracepoint_synchronize_unregister();
}

static int raext_probes_add(void)
{
	size_t i;

	for_each_kernel_tracepoint(raext_probe_found, NULL);
	for (i = 0; i < ARRAY_SIZE(raext_probes); i++) {
		struct raext_probe *probe = &raext_probes[i];
		int err = -ENOENT;

		if (probe->tracepoint)
			err = tracepoint_probe_register(probe->tracepoint,
							probe->probe, NULL);
		if (err) {
			pr_err("readahead_ext: no guard without the tracepoint %s (%d)\n",
			       probe->name, err);
			raext_probes_remove(i);
			return err;
		}
	}
	return 0;
}

/* Start and stop; under the lock of policy.c */

static unsigned int raext_nr_guards;

/* Before the first guard. */
static int raext_guards_begin(void)
{
	int err = raext_pool_make();

	if (err)
		return err;
	err = raext_probes_add();
	if (err)
		raext_pool_drop();
	return err;
}

/* After the last one. */
static void raext_guards_end(void)
{
	raext_probes_remove(ARRAY_SIZE(raext_probes));
	raext_pool_drop();
}

/**
 * raext_guard_start - start the guard of a policy at attach
 * @policy: the policy
 * @percent: the limit of waste, 0 for no guard
 *
 * Return: 0, or an error where this kernel lacks a tracepoint or memory
 */
int raext_guard_start(struct raext_policy *policy, u32 percent)
{
	int err = 0;

	raw_spin_lock_init(&policy->guard.judge);
	if (!percent)
		return 0;
	if (!raext_nr_guards)
		err = raext_guards_begin();
	if (err)
		return err;
	raext_nr_guards++;
	policy->guard.percent = percent;
	policy->guard.on = true;
	return 0;
}

/**
 * raext_guard_stop - stop the guard of a policy
 * @policy: the policy; the guard has no pointer to it afterwards
 */
void raext_guard_stop(struct raext_policy *policy)
{
	struct raext_chunk *chunk;
	struct hlist_node *next;
	unsigned long flags;
	size_t i;

	if (!policy->guard.on)
		return;
	/* Visible to every later holder of a bucket's lock. */
	WRITE_ONCE(policy->guard.on, false);
	for (i = 0; i < ARRAY_SIZE(raext_chunks); i++) {
		raw_spin_lock_irqsave(&raext_chunks[i].lock, flags);
		hlist_for_each_entry_safe(chunk, next, &raext_chunks[i].chunks,
					  node) {
			if (chunk->policy == policy)
				raext_chunk_put(chunk);
		}
		raw_spin_unlock_irqrestore(&raext_chunks[i].lock, flags);
	}
	if (!--raext_nr_guards)
		raext_guards_end();
}

/**
 * raext_guard_restart - start the guard of the policy that replaces another
 * @policy: the place
 * @percent: the new one's limit of waste, 0 for no guard
 *
 * Return: as raext_guard_start()
 */
int raext_guard_restart(struct raext_policy *policy, u32 percent)
{
	raext_guard_stop(policy);
	memset(&policy->guard, 0, sizeof(policy->guard));
	return raext_guard_start(policy, percent);
}

void raext_guard_show(struct seq_file *seq, const struct raext_policy *policy)
{
	seq_printf(seq, " %u %lld %lld %u", policy->guard.percent,
		   atomic64_read(&policy->guard.used),
		   atomic64_read(&policy->guard.unused),
		   policy->guard.tripped);
}
