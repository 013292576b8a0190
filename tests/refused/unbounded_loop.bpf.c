// SPDX-License-Identifier: GPL-2.0-only
// refused: unbounded-loop
// Waits for a flag that another program sets: the verifier sees no end to it.
#include "readahead_ext.bpf.h"

volatile int ready;

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	while (!ready)
		;
	return s->ra_pages;
}

RAEXT_POLICY(unbounded_loop) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "unbounded_loop",
};
