// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * Answers whatever it is told to, however absurd: what must not harm is tried
 * with it.
 */
#include "readahead_ext.bpf.h"

/* The answers of the callbacks. */
const volatile int limit = -1;
const volatile int window = -1;
/* What get_ra writes into the state, if asked to. */
const volatile _Bool writes = 0;
const volatile __u64 start = 0;
const volatile __u32 size = 0;
const volatile __u32 async_size = 0;
/* Ranges that are asked for at each limit, side by side from the file's begin. */
const volatile __u32 ranges = 0;
const volatile __u32 range_pages = 0;

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(extreme_max_ra, struct bpf_fs_readahead_state *s)
{
	for (__u32 i = 0; i < 64 && i < ranges; i++)
		bpf_fs_readahead_prefetch(s, (__u64)i * range_pages,
					  range_pages, 0);
	return limit;
}

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(extreme_ra, struct bpf_fs_readahead_state *s)
{
	if (writes) {
		s->start = start;
		s->size = size;
		s->async_size = async_size;
	}
	return window;
}

RAEXT_POLICY(extreme) = {
	.get_max_ra = (void *)extreme_max_ra,
	.get_ra = (void *)extreme_ra,
	.name = "extreme",
};
