// SPDX-License-Identifier: GPL-2.0-only
// refused: unknown-field
// A policy for another module, whose state has a field that ours lacks.
#include "readahead_ext.bpf.h"

/* What follows "___" is no part of the name where fields are looked up. */
struct bpf_fs_readahead_state___other {
	__u32 temperature;
} __attribute__((preserve_access_index));

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	const struct bpf_fs_readahead_state___other *other = (const void *)s;

	return other->temperature;
}

RAEXT_POLICY(unknown_field) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "unknown_field",
};
