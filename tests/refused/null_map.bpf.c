// SPDX-License-Identifier: GPL-2.0-only
// refused: null-pointer
// A lookup in a map may find nothing; the result is used unasked here.
#include "readahead_ext.bpf.h"

static void *(*const lookup)(void *map, const void *key) = (void *)1;

struct {
	int (*type)[1]; /* BPF_MAP_TYPE_HASH */
	int (*max_entries)[64];
	__u64 *key;
	__u32 *value;
} limits SEC(".maps");

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	__u64 inode = s->i_ino;
	__u32 *limit = lookup(&limits, &inode);

	return *limit;
}

RAEXT_POLICY(null_map) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "null_map",
};
