// SPDX-License-Identifier: GPL-2.0-only
// refused: kfunc-argument
// Gives bpf_fs_readahead_prefetch() a number that it takes for a state.
#include "readahead_ext.bpf.h"

SEC("struct_ops/decide")
int RAEXT_CALLBACK(decide, struct bpf_fs_readahead_state *s)
{
	bpf_fs_readahead_prefetch((void *)s->index, s->index, 1, 0);
	return 0;
}

RAEXT_POLICY(kfunc_argument) = {
	.decide = (void *)decide,
	.name = "kfunc_argument",
};
