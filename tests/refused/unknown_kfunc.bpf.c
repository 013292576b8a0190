// SPDX-License-Identifier: GPL-2.0-only
// refused: unknown-kfunc
// Calls a kernel function that no kernel provides.
#include "readahead_ext.bpf.h"

extern int bpf_fs_readahead_divine(struct bpf_fs_readahead_state *s) SEC(".ksyms");

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	return bpf_fs_readahead_divine(s);
}

RAEXT_POLICY(unknown_kfunc) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "unknown_kfunc",
};
