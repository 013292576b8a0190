// SPDX-License-Identifier: GPL-2.0-only
// refused: forged-state
// Gives a kernel function a copy of the state.
#include "readahead_ext.bpf.h"

SEC("struct_ops/decide")
int RAEXT_CALLBACK(impostor_decide, struct bpf_fs_readahead_state *s)
{
	struct bpf_fs_readahead_state copy = {};

	copy.index = s->index;
	bpf_fs_readahead_prefetch(&copy, s->index, 32, 0);
	return 0;
}

RAEXT_POLICY(impostor) = {
	.decide = (void *)impostor_decide,
	.name = "impostor",
};
