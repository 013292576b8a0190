// SPDX-License-Identifier: GPL-2.0-only
// refused: unset-register
// Saves a register that was never set, as compilers do where a value that is
// there on one path only is kept over a call.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	asm volatile("*(u64 *)(r10 - 8) = r5" ::: "memory");
	return -1;
}

RAEXT_POLICY(unset_register) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "unset_register",
};
