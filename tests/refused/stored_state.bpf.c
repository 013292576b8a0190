// SPDX-License-Identifier: GPL-2.0-only
// refused: write-not-allowed
// Keeps the pointer to its state in a map, and writes through it when the state is gone.
#include "readahead_ext.bpf.h"

struct kept {
	struct bpf_fs_readahead_state __attribute__((btf_type_tag("kptr_untrusted"))) *s;
};

struct {
	int (*type)[2]; /* BPF_MAP_TYPE_ARRAY */
	int (*max_entries)[1];
	__u32 *key;
	struct kept *value;
} kept SEC(".maps");

static void *(*const map_lookup_elem)(void *map, const void *key) = (void *)1;

SEC("struct_ops/decide")
int RAEXT_CALLBACK(decide, struct bpf_fs_readahead_state *s)
{
	struct bpf_fs_readahead_state *last;
	__u32 key = 0;
	struct kept *place = map_lookup_elem(&kept, &key);

	if (!place)
		return 0;
	last = place->s;
	if (last)
		last->start = 42;
	place->s = s;
	return 0;
}

RAEXT_POLICY(stored_state) = {
	.decide = (void *)decide,
	.name = "stored_state",
};
