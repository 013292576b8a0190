// SPDX-License-Identifier: GPL-2.0-only
// refused: write-not-allowed
// What the application needs is not the policy's to say.
#include "readahead_ext.bpf.h"

SEC("struct_ops/decide")
int RAEXT_CALLBACK(decide, struct bpf_fs_readahead_state *s)
{
	s->index = 0;
	return 1;
}

RAEXT_POLICY(write_index) = {
	.decide = (void *)decide,
	.name = "write_index",
};
