// SPDX-License-Identifier: GPL-2.0-only
// refused: out-of-state
// The eight bytes behind the end of the state are not part of it.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	const __u64 *words = (const void *)s;

	return words[64] != 0;
}

RAEXT_POLICY(read_past_state) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "read_past_state",
};
