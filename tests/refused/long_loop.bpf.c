// SPDX-License-Identifier: GPL-2.0-only
// refused: unbounded-loop
// Ends some day, but the verifier walks through it step by step and gives up
// after a million.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	__u32 n = s->ra_pages;

	for (__u32 i = 0; i < 10000000; i++)
		n = n * 1664525 + s->size + i;
	return n & 1023;
}

RAEXT_POLICY(long_loop) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "long_loop",
};
