// SPDX-License-Identifier: GPL-2.0-only
// refused: null-pointer
// Asks bpf_fs_readahead_cached() about no decision at all.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(get_ra, struct bpf_fs_readahead_state *s)
{
	return bpf_fs_readahead_cached((void *)0, 0, 32) > 16 ? 0 : -1;
}

RAEXT_POLICY(kfunc_null) = {
	.get_ra = (void *)get_ra,
	.name = "kfunc_null",
};
