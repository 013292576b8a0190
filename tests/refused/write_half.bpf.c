// SPDX-License-Identifier: GPL-2.0-only
// refused: write-not-allowed
// Writes one half of a field that may only be written as a whole.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(get_ra, struct bpf_fs_readahead_state *s)
{
	*(volatile unsigned short *)&s->size = 32;
	return -1;
}

RAEXT_POLICY(write_half) = {
	.get_ra = (void *)get_ra,
	.name = "write_half",
};
