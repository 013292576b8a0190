// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * The first program there ever was, word for word, with the headers that it
 * includes and the two structs of its author's patch. C demands two lines more:
 * <linux/types.h>, for bpf_helpers.h, and loff_t.
 */
#include <linux/types.h>
typedef __kernel_loff_t loff_t;

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

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <linux/bpf.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/bpf_iden_max_ra")
int BPF_PROG(bpf_iden_max_ra, struct bpf_fs_readahead_state *s)
{
	return s->ra_pages;
}

SEC("struct_ops/bpf_iden_ra")
int BPF_PROG(bpf_iden_ra, struct bpf_fs_readahead_state *s)
{
	return s->size;
}

SEC(".struct_ops")
struct bpf_fs_readahead_ops bpf_fs_readahead_ops = {
	.get_max_ra = (void *)bpf_iden_max_ra,
	.get_ra = (void *)bpf_iden_ra,
};
