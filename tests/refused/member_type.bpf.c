// SPDX-License-Identifier: GPL-2.0-only
// refused: member-type
// Declares a member of the module's table with half of its bytes.
#define bpf_fs_readahead_ops bpf_fs_readahead_ops_of_ours
#include "readahead_ext.bpf.h"
#undef bpf_fs_readahead_ops

struct bpf_fs_readahead_ops {
	int (*get_max_ra)(struct bpf_fs_readahead_state *s);
	char name[BPF_FS_RA_NAME_LEN];
	__u32 cgroup_id;
};

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	return s->ra_pages;
}

RAEXT_POLICY(member_type) = {
	.get_max_ra = (void *)get_max_ra,
	.cgroup_id = 1,
	.name = "member_type",
};
