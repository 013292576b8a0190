// SPDX-License-Identifier: GPL-2.0-only
// refused: unknown-callback
// Sets a member that the module does not have. One that it leaves at 0 does no harm.
#define bpf_fs_readahead_ops bpf_fs_readahead_ops_of_ours
#include "readahead_ext.bpf.h"
#undef bpf_fs_readahead_ops

struct bpf_fs_readahead_ops {
	int (*get_weather)(struct bpf_fs_readahead_state *s);
	int (*get_max_ra)(struct bpf_fs_readahead_state *s);
	char name[BPF_FS_RA_NAME_LEN];
	__u32 temperature;
};

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	return s->ra_pages;
}

RAEXT_POLICY(unknown_member) = {
	.get_max_ra = (void *)get_max_ra,
	.temperature = 20,
	.name = "unknown_member",
};
