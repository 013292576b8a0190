// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls under way. A wrapper keeps its call here while it calls the
 * original. The hooks that run deeper in the same call find it by task and
 * mapping.
 */

#include <linux/hash.h>
#include <linux/sched.h>

#include "shim.h"

#define RAEXT_BUCKET_BITS 10

static struct raext_bucket {
	raw_spinlock_t lock;	/* of the list */
	struct hlist_head calls;
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
 * raext_call_begin - publish a call
 * @call: the call, of the current task
 */
void raext_call_begin(struct raext_call *call)
{
	struct raext_bucket *bucket = raext_bucket();
	unsigned long flags;

	call->task = current;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_add_head(&call->node, &bucket->calls);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * raext_call_end - the opposite of raext_call_begin()
 * @call: the call
 */
void raext_call_end(struct raext_call *call)
{
	struct raext_bucket *bucket = raext_bucket();
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_del(&call->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * raext_call_find - the innermost call of this task on a file
 * @mapping: the file's page cache
 *
 * Return: the call, which only this task ends, or NULL
 */
struct raext_call *
raext_call_find(const struct address_space *mapping)
{
	struct raext_bucket *bucket = raext_bucket();
	struct raext_call *call;
	unsigned long flags;

	/* A call of this task would be seen without the lock. */
	if (hlist_empty(&bucket->calls))
		return NULL;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(call, &bucket->calls, node) {
		if (call->task == current && call->ctx.mapping == mapping)
			break;
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return call;
}
