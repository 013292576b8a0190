// SPDX-License-Identifier: GPL-2.0-only
// refused: unknown-callback
// Provides a callback that the module never calls.
#define bpf_fs_readahead_ops bpf_fs_readahead_ops_of_ours
#include "readahead_ext.bpf.h"
#undef bpf_fs_readahead_ops

struct bpf_fs_readahead_ops {
	int (*get_weather)(struct bpf_fs_readahead_state *s);
	char name[BPF_FS_RA_NAME_LEN];
};

SEC("struct_ops/get_weather")
int RAEXT_CALLBACK(get_weather, struct bpf_fs_readahead_state *s)
{
	return s->size;
}

RAEXT_POLICY(unknown_callback) = {
	.get_weather = (void *)get_weather,
	.name = "unknown_callback",
};
