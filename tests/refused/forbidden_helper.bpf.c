// SPDX-License-Identifier: GPL-2.0-only
// refused: forbidden-helper
// Sends an event through a helper that is meant for tracing programs.
#include "readahead_ext.bpf.h"

static long (*const perf_event_output)(void *ctx, void *map, __u64 flags,
				       void *data, __u64 size) = (void *)25;

struct {
	int (*type)[4]; /* BPF_MAP_TYPE_PERF_EVENT_ARRAY */
	int (*key_size)[4];
	int (*value_size)[4];
	int (*max_entries)[4];
} events SEC(".maps");

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	__u64 inode = s->i_ino;

	perf_event_output(s, &events, 0, &inode, sizeof(inode));
	return -1;
}

RAEXT_POLICY(forbidden_helper) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "forbidden_helper",
};
