// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * Counts the cached pages of a file's begin again and again. An answer of more pages
 * than were asked for is reported by an answer that the module clamps.
 */
#include "readahead_ext.bpf.h"

const volatile __u32 pages = 16;

SEC("struct_ops/decide")
int RAEXT_CALLBACK(counting_decide, struct bpf_fs_readahead_state *s)
{
	for (int i = 0; i < 64; i++) {
		if (bpf_fs_readahead_cached(s, 0, pages) > pages)
			return 2;
	}
	return 0;
}

RAEXT_POLICY(counting) = {
	.decide = (void *)counting_decide,
	.name = "counting",
};
