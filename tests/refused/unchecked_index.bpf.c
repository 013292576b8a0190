// SPDX-License-Identifier: GPL-2.0-only
// refused: unchecked-index
// The index comes from the kernel, and nothing keeps it inside of the array.
#include "readahead_ext.bpf.h"

volatile int limits[16];

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	return limits[s->size];
}

RAEXT_POLICY(unchecked_index) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "unchecked_index",
};
