// SPDX-License-Identifier: GPL-2.0-only
// refused: write-not-allowed
// The file's own limit is the module's to set: a policy may write the window
// (start, size, async_size) and nothing else.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
{
	s->ra_pages = 1024;
	return -1;
}

RAEXT_POLICY(write_ra_pages) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "write_ra_pages",
};
