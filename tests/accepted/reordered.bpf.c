// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * A table of its own: members in another order, two of the module's missing
 * (cgroup_id and guard_percent), and two that the module does not have, which
 * are left at 0.
 */
#define bpf_fs_readahead_ops bpf_fs_readahead_ops_of_ours
#include "readahead_ext.bpf.h"
#undef bpf_fs_readahead_ops

struct bpf_fs_readahead_ops {
	__u64 weather;
	__u32 dev;
	char name[BPF_FS_RA_NAME_LEN];
	int (*decide)(struct bpf_fs_readahead_state *s);
	int (*get_weather)(struct bpf_fs_readahead_state *s);
	int (*get_ra)(struct bpf_fs_readahead_state *s);
	int (*get_max_ra)(struct bpf_fs_readahead_state *s);
};

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(reordered_max, struct bpf_fs_readahead_state *s)
{
	return s->ra_pages;
}

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(reordered_ra, struct bpf_fs_readahead_state *s)
{
	return s->size;
}

RAEXT_POLICY(reordered) = {
	.get_max_ra = (void *)reordered_max,
	.get_ra = (void *)reordered_ra,
	.name = "reordered",
};
