// SPDX-License-Identifier: GPL-2.0-only
/*
 * noop in C: answers every question with what the kernel has already. It is the
 * program with which delegating readahead to BPF began, as one would write it
 * for this module.
 */
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(noop_max_ra, struct bpf_fs_readahead_state *s)
{
	/* 0 would mean "read only what was asked for". */
	return s->ra_pages ? s->ra_pages : -1;
}

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(noop_ra, struct bpf_fs_readahead_state *s)
{
	return s->size;
}

RAEXT_POLICY(noop_c) = {
	.get_max_ra = (void *)noop_max_ra,
	.get_ra = (void *)noop_ra,
	.name = "noop_c",
};
