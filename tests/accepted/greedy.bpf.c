// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * Takes far too long: the verifier does not bound the turns of an iterator.
 */
#include "readahead_ext.bpf.h"

const volatile __u32 turns = 2000000;

struct bpf_iter_num {
	__u64 opaque[1];
};

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end)
	__attribute__((section(".ksyms")));
extern int *bpf_iter_num_next(struct bpf_iter_num *it)
	__attribute__((section(".ksyms")));
extern void bpf_iter_num_destroy(struct bpf_iter_num *it)
	__attribute__((section(".ksyms")));

SEC("struct_ops/decide")
int RAEXT_CALLBACK(greedy_decide, struct bpf_fs_readahead_state *s)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, turns);
	while (bpf_iter_num_next(&it))
		bpf_fs_readahead_cached(s, 0, 512);
	bpf_iter_num_destroy(&it);
	return 0;
}

RAEXT_POLICY(greedy) = {
	.decide = (void *)greedy_decide,
	.name = "greedy",
};
