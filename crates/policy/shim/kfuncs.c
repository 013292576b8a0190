// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way from Rust to the kernel's functions: rustc makes no BTF for an extern
 * function, which the loader needs to find it. `raext build` compiles this to
 * bitcode and gives it to the linker, which inlines it away.
 */
#include "../../../include/readahead_ext.bpf.h"

int raext_prefetch(struct bpf_fs_readahead_state *s, __u64 index, __u32 nr,
		   __u32 flags)
{
	return bpf_fs_readahead_prefetch(s, index, nr, flags);
}

__u32 raext_cached(struct bpf_fs_readahead_state *s, __u64 index, __u32 nr)
{
	return bpf_fs_readahead_cached(s, index, nr);
}
