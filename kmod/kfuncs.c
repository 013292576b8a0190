// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kfuncs that a policy can call.
 *
 * The first argument is the state that the callback was given. The verifier
 * refuses other types and NULL (KF_TRUSTED_ARGS), but accepts a copy: a state
 * is all numbers, and the policy's own memory has the same type. So the pointer
 * is not followed. The kfunc compares it with the argument of the current
 * task's callback and finds the decision by it.
 *
 * A kfunc only notes the range. submit.c reads it after the callback.
 */

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "raext.h"

__bpf_kfunc_start_defs();

/**
 * bpf_fs_readahead_prefetch - read a range of the same file, too
 * @s: the callback's argument
 * @index: first page
 * @nr: pages; what lies behind the end of the file or over the hard limit is
 *	dropped
 * @flags: &enum bpf_fs_readahead_prefetch_flags
 *
 * The range is submitted after the callback has returned, up to 64 for each
 * decision. Pages that are in the cache are not read again.
 *
 * Return: 0, -EINVAL for an empty range, an unknown flag or a copy of the state,
 * -ENOSPC when the decision has its 64 ranges, -ENOMEM
 */
__bpf_kfunc int bpf_fs_readahead_prefetch(struct bpf_fs_readahead_state *s,
					  u64 index, u32 nr, u32 flags)
{
	struct raext_decision *d = raext_underway_asked(s);
	struct raext_queue *queue;

	if (!d || !nr || (flags & ~BPF_FS_RA_PREFETCH_MARK))
		return -EINVAL;
	d->ranges++;
	raext_count(d, RAEXT_RANGES, 1);
	raext_count(d, RAEXT_PAGES, nr);
	queue = d->queue;
	if (!queue) {
		queue = kmalloc(sizeof(*queue), GFP_NOWAIT | __GFP_NOWARN);
		if (!queue) {
			raext_count(d, RAEXT_DROP_MEMORY, nr);
			return -ENOMEM;
		}
		queue->nr = 0;
		d->queue = queue;
	}
	if (queue->nr == RAEXT_QUEUE_LEN) {
		raext_count(d, RAEXT_DROP_FULL, nr);
		return -ENOSPC;
	}
	queue->ranges[queue->nr].index = index;
	queue->ranges[queue->nr].nr = nr;
	queue->ranges[queue->nr].flags = flags;
	queue->nr++;
	return 0;
}

/**
 * bpf_fs_readahead_cached - how much of a range is in the page cache
 * @s: the callback's argument
 * @index: first page
 * @nr: pages; no more than the hard limit are looked at
 *
 * Return: pages of the range that are in the cache, 0 for a copy of the state
 */
__bpf_kfunc u32 bpf_fs_readahead_cached(struct bpf_fs_readahead_state *s,
					u64 index, u32 nr)
{
	const struct raext_decision *d = raext_underway_asked(s);

	nr = min(nr, raext_hard_limit());
	if (!d || !nr || index > ULONG_MAX - nr)
		return 0;
	return nr - raext_absent(d->mapping, index, nr);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(raext_kfunc_ids)
BTF_ID_FLAGS(func, bpf_fs_readahead_prefetch, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fs_readahead_cached, KF_TRUSTED_ARGS)
BTF_KFUNCS_END(raext_kfunc_ids)

static const struct btf_kfunc_id_set raext_kfuncs = {
	.owner = THIS_MODULE,
	.set = &raext_kfunc_ids,
};

int raext_kfuncs_register(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS,
					 &raext_kfuncs);
}
