// SPDX-License-Identifier: GPL-2.0-only
// refused: forbidden-helper
// Each loop is within the helper's limit; one inside of the other runs for days.
#include "readahead_ext.bpf.h"

#define TURNS (1 << 23)

static long (*const loop)(__u32 turns, void *turn, void *with,
			  __u64 flags) = (void *)181;

static long inner(__u32 i, void *with)
{
	return 0;
}

static long outer(__u32 i, void *with)
{
	loop(TURNS, inner, 0, 0);
	return 0;
}

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	loop(TURNS, outer, 0, 0);
	return -1;
}

RAEXT_POLICY(nested_loop) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "nested_loop",
};
