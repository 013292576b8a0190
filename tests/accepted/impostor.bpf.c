// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * Gives the kernel's functions a copy of the state. To the verifier it is as good
 * as the state itself; the module must tell the two apart.
 */
#include "readahead_ext.bpf.h"

SEC("struct_ops/decide")
int RAEXT_CALLBACK(impostor_decide, struct bpf_fs_readahead_state *s)
{
	struct bpf_fs_readahead_state copy = {};

	copy.index = s->index;
	bpf_fs_readahead_cached(&copy, s->index, 32);
	/* -EINVAL, and the kernel goes on as usual. */
	return bpf_fs_readahead_prefetch(&copy, s->index, 32, 0) != -22;
}

RAEXT_POLICY(impostor) = {
	.decide = (void *)impostor_decide,
	.name = "impostor",
};
