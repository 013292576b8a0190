// SPDX-License-Identifier: GPL-2.0-only
// refused: not-a-pointer
// A field of the state is a number. A policy may not read memory at a
// number.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	const __u32 *inode = (const void *)s->i_ino;

	return *inode;
}

RAEXT_POLICY(not_a_pointer) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "not_a_pointer",
};
