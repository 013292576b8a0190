// SPDX-License-Identifier: GPL-2.0-only
// refused: unoptimised
// flags: -O0
// The program that stopped the project's forerunner: right, but compiled without
// optimisation, so that the argument reaches the code as a bare number.
#include "readahead_ext.bpf.h"

SEC("struct_ops/bpf_iden_max_ra")
int RAEXT_CALLBACK(bpf_iden_max_ra, struct bpf_fs_readahead_state *s)
{
	return s->ra_pages;
}

SEC("struct_ops/bpf_iden_ra")
int RAEXT_CALLBACK(bpf_iden_ra, struct bpf_fs_readahead_state *s)
{
	return s->size;
}

RAEXT_POLICY(bpf_fs_readahead_ops) = {
	.get_max_ra = (void *)bpf_iden_max_ra,
	.get_ra = (void *)bpf_iden_ra,
	.name = "unoptimised",
};
