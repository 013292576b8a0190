// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kfuncs that a policy can call.
 *
 * The first argument is the state that the callback was given. The verifier
 * refuses other types, NULL (KF_TRUSTED_ARGS) and copies: a state has a pointer
 * in it (opaque), for which no memory of the program's own is taken. The state
 * is the first member of its context. Programs that are no policies, of other
 * struct_ops types, are refused by the filter.
 *
 * A kfunc only notes the range. ranges.c reads it after the callback.
 */

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>

#include "ctx.h"
#include "memory.h"
#include "ranges.h"

static struct raext_ctx *raext_ctx_of(struct bpf_fs_readahead_state *s)
{
	return container_of(s, struct raext_ctx, state);
}

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
 * Return: 0, -EINVAL for an empty range or an unknown flag, -ENOSPC when the
 * decision has its 64 ranges, -ENOMEM
 */
__bpf_kfunc int bpf_fs_readahead_prefetch(struct bpf_fs_readahead_state *s,
					  u64 index, u32 nr, u32 flags)
{
	if (!nr || (flags & ~BPF_FS_RA_PREFETCH_MARK))
		return -EINVAL;
	return raext_range_add(raext_ctx_of(s), index, nr, flags);
}

/**
 * bpf_fs_readahead_cached - how much of a range is in the page cache
 * @s: the callback's argument
 * @index: first page
 * @nr: pages; no more than the hard limit are looked at, and no more than 65,536
 *	in one decision
 *
 * Return: pages of the range that are in the cache, as far as they were looked at
 */
__bpf_kfunc u32 bpf_fs_readahead_cached(struct bpf_fs_readahead_state *s,
					u64 index, u32 nr)
{
	struct raext_ctx *c = raext_ctx_of(s);

	nr = min3(nr, raext_max_pages(c), c->cached_budget);
	if (!nr || index > ULONG_MAX - nr)
		return 0;
	c->cached_budget -= nr;
	return nr - raext_absent(c->mapping, index, nr);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(raext_kfunc_ids)
BTF_ID_FLAGS(func, bpf_fs_readahead_prefetch, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fs_readahead_cached, KF_TRUSTED_ARGS)
BTF_KFUNCS_END(raext_kfunc_ids)

/* Each BTF has filters of its own: only the kfuncs above are asked about. */
static int raext_kfunc_filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	return raext_ops_is_policy(prog) ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set raext_kfuncs = {
	.owner = THIS_MODULE,
	.set = &raext_kfunc_ids,
	.filter = raext_kfunc_filter,
};

int raext_kfuncs_register(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS,
					 &raext_kfuncs);
}
