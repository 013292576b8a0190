// SPDX-License-Identifier: GPL-2.0-only
// refused: sleepable
// Asks to be allowed to sleep, where the kernel must not.
#include "readahead_ext.bpf.h"

SEC("struct_ops.s/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	return s->ra_pages;
}

RAEXT_POLICY(sleepable) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "sleepable",
};
