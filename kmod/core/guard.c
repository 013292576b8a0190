// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard of a policy. The guard counts the pages that the policy brings
 * in, the used ones and the ones dropped unused. It puts the kernel's own
 * readahead back when too large a share goes unused.
 *
 *	added to the cache, by a decision ----> pending
 *	read, faulted or mapped --------------> used
 *	dropped from the cache ---------------> unused
 *	truncated, or its file gone ----------> forgotten
 *
 * A page that the application requested is not counted. A bounded table keeps the
 * pending pages in chunks of 64 pages of a file. A page without room in the table is
 * not counted. A page that is overwritten and never read counts as unused.
 *
 * Each cgroup is judged by the pages that its own tasks had brought in, so that
 * one that wastes does not take the policy from the others. The guard judges
 * portions of RAEXT_PORTION pages whose fate is known. Three portions in a row
 * over the limit trip the guard for that cgroup. It stays tripped until the
 * policy is attached or replaced anew: the verdict does not flap.
 *
 * The home tells of pages (see guard.h) only while a guarded policy is
 * attached, so an unguarded policy costs nothing.
 */

#include <linux/bitops.h>
#include <linux/cgroup.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/lockdep.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "env.h"
#include "guard.h"
#include "scope.h"

#define RAEXT_PORTION		2048
#define RAEXT_STRIKES		3
#define RAEXT_MAX_CHUNKS	16384

/* Folios of a batch of filemap_get_pages(), or one more. */
#define RAEXT_BATCH_FOLIOS	32

/* Pending pages among 64 of a file. The mapping is compared, not followed. */
struct raext_chunk {
	struct hlist_node node;
	struct raext_guard *guard;
	struct raext_group *group;
	const struct address_space *mapping;
	pgoff_t number;
	u64 pending;
};

#define RAEXT_CHUNK_BITS	8

static struct raext_chunk_bucket {
	raw_spinlock_t lock;	/* of the chunks in this bucket */
	struct hlist_head chunks;
} raext_chunks[1 << RAEXT_CHUNK_BITS] = {
	[0 ... (1 << RAEXT_CHUNK_BITS) - 1] = {
		.lock = __RAW_SPIN_LOCK_UNLOCKED(raext_chunks.lock),
	},
};

/* Chunks of the files with the same hash: most files have none. */
static atomic_t raext_nr_chunks[1 << RAEXT_CHUNK_BITS];

/*
 * All chunks, and the free ones. The first guard allocates them: pages are
 * told of under locks that forbid allocation on PREEMPT_RT.
 */
static struct raext_chunk *raext_pool;
static struct raext_chunk_bucket raext_free = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(raext_free.lock),
};

static atomic_t *raext_nr_chunks_of(const struct address_space *mapping)
{
	return &raext_nr_chunks[hash_ptr((void *)mapping, RAEXT_CHUNK_BITS)];
}

static struct raext_chunk_bucket *
raext_chunk_bucket(const struct address_space *mapping, pgoff_t number)
{
	static u32 seed __read_mostly;
	u32 hash;

	/* A file may have chunks anywhere, at places of its owner's choice. */
	get_random_once(&seed, sizeof(seed));
	hash = jhash_3words(number, number >> 32, hash_ptr((void *)mapping, 32),
			    seed);
	return &raext_chunks[hash >> (32 - RAEXT_CHUNK_BITS)];
}

static struct raext_chunk *
raext_chunk_lookup(struct raext_chunk_bucket *bucket,
		   const struct address_space *mapping, pgoff_t number)
{
	struct raext_chunk *chunk;

	hlist_for_each_entry(chunk, &bucket->chunks, node) {
		if (chunk->mapping == mapping && chunk->number == number)
			return chunk;
	}
	return NULL;
}

/* Move a free chunk into a locked bucket. NULL if no chunk is free. */
static struct raext_chunk *raext_chunk_get(struct raext_chunk_bucket *bucket,
					   const struct address_space *mapping,
					   pgoff_t number)
{
	struct raext_chunk *chunk;

	lockdep_assert_held(&bucket->lock);
	raw_spin_lock(&raext_free.lock);
	chunk = hlist_entry_safe(raext_free.chunks.first, struct raext_chunk,
				 node);
	if (chunk)
		hlist_del(&chunk->node);
	raw_spin_unlock(&raext_free.lock);
	if (!chunk)
		return NULL;
	chunk->mapping = mapping;
	chunk->number = number;
	chunk->pending = 0;
	hlist_add_head(&chunk->node, &bucket->chunks);
	atomic_inc(raext_nr_chunks_of(mapping));
	return chunk;
}

/* The opposite. */
static void raext_chunk_put(struct raext_chunk *chunk)
{
	hlist_del(&chunk->node);
	atomic_dec(raext_nr_chunks_of(chunk->mapping));
	raw_spin_lock(&raext_free.lock);
	hlist_add_head(&chunk->node, &raext_free.chunks);
	raw_spin_unlock(&raext_free.lock);
}

static int raext_pool_alloc(void)
{
	size_t i;

	raext_pool = kvcalloc(RAEXT_MAX_CHUNKS, sizeof(*raext_pool),
			      GFP_KERNEL);
	if (!raext_pool)
		return -ENOMEM;
	for (i = 0; i < RAEXT_MAX_CHUNKS; i++)
		hlist_add_head(&raext_pool[i].node, &raext_free.chunks);
	return 0;
}

/* The home tells of no pages any more, and no guard has a chunk. */
static void raext_pool_free(void)
{
	INIT_HLIST_HEAD(&raext_free.chunks);
	kvfree(raext_pool);
	raext_pool = NULL;
}

/* Judgement */

static void raext_guard_tell(struct work_struct *work)
{
	struct raext_guard *guard =
		container_of(work, struct raext_guard, work);
	char name[BPF_FS_RA_NAME_LEN];
	int i;

	raext_scope_name(guard->policy, name);
	for (i = 0; i < RAEXT_GUARD_GROUPS; i++) {
		struct raext_group *group = &guard->groups[i];

		if (xchg(&group->share, 0))
			pr_notice("%s: cgroup %lld: %u%% or more of the pages that it brought in went unused: the kernel's own readahead is back there\n",
				  name, atomic64_read(&group->cgroup_id),
				  guard->percent);
	}
}

static void raext_guard_tell_later(struct irq_work *irq)
{
	schedule_work(&container_of(irq, struct raext_guard, irq)->work);
}

/* Under the page cache's lock: the line in the log is left to later. */
static void raext_guard_trip(struct raext_guard *guard,
			     struct raext_group *group, u64 share)
{
	/* Shared by cgroups that have no part in it. */
	if (group == &guard->groups[RAEXT_GUARD_GROUPS - 1])
		return;
	WRITE_ONCE(group->share, share);
	WRITE_ONCE(group->tripped, true);
	atomic_inc(&guard->nr_tripped);
	irq_work_queue(&guard->irq);
}

static void raext_guard_judge(struct raext_guard *guard,
			      struct raext_group *group)
{
	u64 used = atomic64_read(&group->used) - group->used_before;
	u64 unused = atomic64_read(&group->unused) - group->unused_before;
	u64 share;

	lockdep_assert_held(&group->judge);
	if (used + unused < RAEXT_PORTION)
		return;
	group->used_before += used;
	group->unused_before += unused;
	share = div64_u64(100 * unused, used + unused);
	group->strikes = share > guard->percent ? group->strikes + 1 : 0;
	if (group->strikes == RAEXT_STRIKES)
		raext_guard_trip(guard, group, share);
}

static void raext_guard_account(struct raext_chunk *chunk, bool used,
				unsigned int pages)
{
	struct raext_group *group = chunk->group;

	atomic64_add(pages, used ? &group->used : &group->unused);
	/* One judge is enough: the next page tries again. */
	if (READ_ONCE(group->tripped) || !raw_spin_trylock(&group->judge))
		return;
	if (!group->tripped)
		raext_guard_judge(chunk->guard, group);
	raw_spin_unlock(&group->judge);
}

/* Pages, chunk by chunk */

static u64 raext_chunk_mask(pgoff_t number, pgoff_t first, pgoff_t last)
{
	unsigned int from = max(first, number << 6) & 63;
	unsigned int to = min(last, (number << 6) + 63) & 63;

	return GENMASK_ULL(to, from);
}

static void raext_chunk_add(struct raext_guard *guard, struct raext_group *group,
			    const struct address_space *mapping,
			    pgoff_t number, u64 mask)
{
	struct raext_chunk_bucket *bucket =
		raext_chunk_bucket(mapping, number);
	struct raext_chunk *chunk;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	chunk = raext_chunk_lookup(bucket, mapping, number);
	if (!chunk) {
		chunk = raext_chunk_get(bucket, mapping, number);
		if (chunk) {
			chunk->guard = guard;
			chunk->group = group;
		}
	}
	/* Another one's chunk stays its own. */
	if (chunk && chunk->group == group)
		chunk->pending |= mask;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

enum raext_fate { RAEXT_USED, RAEXT_UNUSED, RAEXT_FORGOTTEN };

/*
 * By the posix_fadvise() of another tenant, say. Reclaim looks at no cgroup's
 * wishes, and the root cgroup is the administrator's (drop_caches).
 */
static bool raext_is_dropped_by_other(const struct raext_chunk *chunk)
{
	struct cgroup *cgroup;
	bool other;

	if (current->flags & PF_MEMALLOC)
		return false;
	rcu_read_lock();
	cgroup = task_dfl_cgroup(current);
	other = cgroup_parent(cgroup) &&
		cgroup_id(cgroup) != atomic64_read(&chunk->group->cgroup_id);
	rcu_read_unlock();
	return other;
}

static void raext_chunk_settle(const struct address_space *mapping,
			       pgoff_t number, u64 mask, enum raext_fate fate)
{
	struct raext_chunk_bucket *bucket =
		raext_chunk_bucket(mapping, number);
	struct raext_chunk *chunk;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	chunk = raext_chunk_lookup(bucket, mapping, number);
	if (chunk && chunk->pending & mask) {
		if (fate == RAEXT_UNUSED && raext_is_dropped_by_other(chunk))
			fate = RAEXT_FORGOTTEN;
		if (fate != RAEXT_FORGOTTEN)
			raext_guard_account(chunk, fate == RAEXT_USED,
					    hweight64(chunk->pending & mask));
		chunk->pending &= ~mask;
		if (!chunk->pending)
			raext_chunk_put(chunk);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

static void raext_settle(const struct address_space *mapping, pgoff_t first,
			 pgoff_t last, enum raext_fate fate)
{
	pgoff_t number;

	for (number = first >> 6; number <= last >> 6; number++) {
		/* Few files have pending pages. */
		if (!atomic_read(raext_nr_chunks_of(mapping)))
			return;
		raext_chunk_settle(mapping, number,
				   raext_chunk_mask(number, first, last), fate);
	}
}

/**
 * raext_guard_added - pages came into the cache by a decision
 * @c: the decision
 * @first: first page
 * @last: last page
 */
void raext_guard_added(struct raext_ctx *c, pgoff_t first, pgoff_t last)
{
	struct raext_guard *guard;
	struct raext_group *group;
	pgoff_t number;

	if (!c->policy || (c->verdict == RAEXT_KEPT && !c->ranges_asked))
		return;
	/* Requested pages are no readahead. */
	if (first < c->index + c->req_pages && last >= c->index)
		return;
	rcu_read_lock();
	guard = rcu_dereference(c->policy->guard);
	/* The pages of a policy that was replaced are not its successor's. */
	if (guard && rcu_access_pointer(c->policy->ops) == c->answered) {
		group = raext_group_of(guard, cgroup_id(task_dfl_cgroup(current)),
				       true);
		for (number = first >> 6; number <= last >> 6; number++)
			raext_chunk_add(guard, group, c->mapping, number,
					raext_chunk_mask(number, first, last));
	}
	rcu_read_unlock();
}

/**
 * raext_guard_used - pages were read, faulted or mapped
 * @mapping: the file's page cache
 * @first: first page
 * @last: last page, as far as the caller knows: a request's, whatever of it came
 *	in this batch
 */
void raext_guard_used(const struct address_space *mapping, pgoff_t first,
		      pgoff_t last)
{
	pgoff_t most = (pgoff_t)RAEXT_BATCH_FOLIOS <<
		       mapping_max_folio_order(mapping);

	last = min3(last, first + most - 1, raext_file_pages(mapping));
	raext_settle(mapping, first, last, RAEXT_USED);
}

/**
 * raext_guard_dropped - pages left the cache
 * @mapping: the file's page cache
 * @first: first page
 * @last: last page
 */
void raext_guard_dropped(const struct address_space *mapping, pgoff_t first,
			 pgoff_t last)
{
	bool gone = mapping_exiting((struct address_space *)mapping) ||
		    first >= raext_file_pages(mapping);

	raext_settle(mapping, first, last, gone ? RAEXT_FORGOTTEN : RAEXT_UNUSED);
}

/* Come and go; under the lock of scope.c */

static unsigned int raext_nr_guards;

static int raext_guards_get(void)
{
	int err;

	if (raext_nr_guards++)
		return 0;
	err = raext_pool_alloc() ?: raext_env_watch();
	if (err) {
		raext_pool_free();
		raext_nr_guards--;
	}
	return err;
}

static void raext_guards_put(void)
{
	if (--raext_nr_guards)
		return;
	raext_env_unwatch();
	raext_pool_free();
}

/**
 * raext_guard_new - a guard for a policy
 * @policy: the policy
 * @percent: the limit of waste, 0 for no guard
 *
 * Return: the guard, NULL for none, or an error where this kernel lacks a
 * tracepoint or memory
 */
struct raext_guard *raext_guard_new(struct raext_policy *policy, u32 percent)
{
	struct raext_guard *guard;
	int err, i;

	if (!percent)
		return NULL;
	guard = kvzalloc(sizeof(*guard), GFP_KERNEL);
	if (!guard)
		return ERR_PTR(-ENOMEM);
	err = raext_guards_get();
	if (err) {
		kvfree(guard);
		return ERR_PTR(err);
	}
	guard->policy = policy;
	guard->percent = percent;
	init_irq_work(&guard->irq, raext_guard_tell_later);
	INIT_WORK(&guard->work, raext_guard_tell);
	for (i = 0; i < RAEXT_GUARD_GROUPS; i++)
		raw_spin_lock_init(&guard->groups[i].judge);
	return guard;
}

/* Return all chunks of a guard to the pool. */
static void raext_guard_forget(struct raext_guard *guard)
{
	struct raext_chunk *chunk;
	struct hlist_node *next;
	unsigned long flags;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_chunks); i++) {
		raw_spin_lock_irqsave(&raext_chunks[i].lock, flags);
		hlist_for_each_entry_safe(chunk, next, &raext_chunks[i].chunks,
					  node) {
			if (chunk->guard == guard)
				raext_chunk_put(chunk);
		}
		raw_spin_unlock_irqrestore(&raext_chunks[i].lock, flags);
	}
}

/**
 * raext_guard_free - end a guard
 * @guard: the guard, or NULL; no decision has found it for an RCU grace period
 */
void raext_guard_free(struct raext_guard *guard)
{
	if (!guard)
		return;
	raext_guard_forget(guard);
	raext_guards_put();
	irq_work_sync(&guard->irq);
	cancel_work_sync(&guard->work);
	kvfree(guard);
}

void raext_guard_show(struct seq_file *seq, const struct raext_guard *guard)
{
	s64 used = 0, unused = 0;
	int i;

	for (i = 0; guard && i < RAEXT_GUARD_GROUPS; i++) {
		used += atomic64_read(&guard->groups[i].used);
		unused += atomic64_read(&guard->groups[i].unused);
	}
	seq_printf(seq, " %u %lld %lld %d", guard ? guard->percent : 0, used,
		   unused, guard ? atomic_read(&guard->nr_tripped) : 0);
}
