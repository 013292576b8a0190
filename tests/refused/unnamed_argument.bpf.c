// SPDX-License-Identifier: GPL-2.0-only
// refused: unnamed-argument
// The kernel refuses type information in which a function's argument has no
// name.
#include "readahead_ext.bpf.h"

static __attribute__((noinline)) int limit(struct bpf_fs_readahead_state *s, int)
{
	return s->ra_pages;
}

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	return limit(s, s->size);
}

RAEXT_POLICY(unnamed_argument) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "unnamed_argument",
};
