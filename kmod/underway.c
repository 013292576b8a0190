// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decisions under way. A wrapper keeps its decision here while it calls
 * the original. The hooks that run deeper in the same call find the decision
 * by task and mapping.
 */

#include <linux/hash.h>
#include <linux/sched.h>

#include "raext.h"

#define RAEXT_BUCKET_BITS 6

static struct raext_bucket {
	raw_spinlock_t lock;
	struct hlist_head decisions;
} ____cacheline_aligned_in_smp raext_buckets[1 << RAEXT_BUCKET_BITS] = {
	[0 ... (1 << RAEXT_BUCKET_BITS) - 1] = {
		.lock = __RAW_SPIN_LOCK_UNLOCKED(raext_buckets.lock),
	},
};

static struct raext_bucket *raext_bucket(void)
{
	return &raext_buckets[hash_ptr(current, RAEXT_BUCKET_BITS)];
}

/**
 * raext_underway_add - publish a decision
 * @d: the decision, of the current task
 */
void raext_underway_add(struct raext_decision *d)
{
	struct raext_bucket *bucket = raext_bucket();

	d->task = current;
	raw_spin_lock(&bucket->lock);
	hlist_add_head(&d->node, &bucket->decisions);
	raw_spin_unlock(&bucket->lock);
}

/**
 * raext_underway_del - the opposite of raext_underway_add()
 * @d: the decision
 */
void raext_underway_del(struct raext_decision *d)
{
	struct raext_bucket *bucket = raext_bucket();

	raw_spin_lock(&bucket->lock);
	hlist_del(&d->node);
	raw_spin_unlock(&bucket->lock);
}

/**
 * raext_underway_find - the innermost decision of this task on a file
 * @mapping: the file's page cache
 *
 * Return: the decision, which only this task ends, or NULL
 */
struct raext_decision *
raext_underway_find(const struct address_space *mapping)
{
	struct raext_bucket *bucket = raext_bucket();
	struct raext_decision *d;

	raw_spin_lock(&bucket->lock);
	hlist_for_each_entry(d, &bucket->decisions, node) {
		if (d->task == current && d->mapping == mapping)
			break;
	}
	raw_spin_unlock(&bucket->lock);
	return d;
}

/**
 * raext_underway_asked - the decision of a running callback
 * @s: the state that the callback claims as its argument; not followed
 *
 * Return: the decision, or NULL if no callback of this task was given @s
 */
struct raext_decision *
raext_underway_asked(const struct bpf_fs_readahead_state *s)
{
	struct raext_bucket *bucket = raext_bucket();
	struct raext_decision *d;

	raw_spin_lock(&bucket->lock);
	hlist_for_each_entry(d, &bucket->decisions, node) {
		if (d->task == current && d->asked == s)
			break;
	}
	raw_spin_unlock(&bucket->lock);
	return d;
}
