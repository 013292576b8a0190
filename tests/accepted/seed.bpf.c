// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * The shape of the first program there ever was, before this project: its own
 * idea of the two structs (another order, another type of i_ino, no name), the
 * table in a section without a link. CO-RE moves the fields, the loader makes
 * the link.
 */
typedef long long loff_t;

#define SEC(name) __attribute__((section(name), used))

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)
struct bpf_fs_readahead_state {
	int i_ino;
	unsigned int size;
	unsigned int async_size;
	unsigned int ra_pages;
	unsigned int mmap_miss;
	loff_t prev_pos;
};

struct bpf_fs_readahead_ops {
	int (*get_max_ra)(struct bpf_fs_readahead_state *cb);
	int (*get_ra)(struct bpf_fs_readahead_state *cb);
};
#pragma clang attribute pop

char _license[] SEC("license") = "GPL";

SEC("struct_ops/bpf_iden_max_ra")
int bpf_iden_max_ra(unsigned long long *ctx)
{
	struct bpf_fs_readahead_state *s = (void *)ctx[0];

	return s->ra_pages;
}

SEC("struct_ops/bpf_iden_ra")
int bpf_iden_ra(unsigned long long *ctx)
{
	struct bpf_fs_readahead_state *s = (void *)ctx[0];

	return s->size;
}

SEC(".struct_ops")
struct bpf_fs_readahead_ops bpf_fs_readahead_ops = {
	.get_max_ra = (void *)bpf_iden_max_ra,
	.get_ra = (void *)bpf_iden_ra,
};
