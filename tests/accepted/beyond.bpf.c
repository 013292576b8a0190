// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * At each miss all of the rest of the file is read and more, marked behind what
 * is waited for: such a window is cut off at the file's end.
 */
#include "readahead_ext.bpf.h"

/* Pages behind the file's end. */
const volatile __u32 more = 100;
/* Pages from the mark on; all but those that are waited for, if negative. */
const volatile int tail = -1;

SEC("struct_ops/decide")
int RAEXT_CALLBACK(beyond_decide, struct bpf_fs_readahead_state *s)
{
	/* At a mark nothing is read: it is there. */
	s->size = 0;
	if (s->flags & BPF_FS_RA_MARK)
		return 1;
	s->start = s->index;
	s->size = s->file_pages - s->index + more;
	s->async_size = tail < 0 ? s->size - s->req_pages : tail;
	return 1;
}

RAEXT_POLICY(beyond) = {
	.decide = (void *)beyond_decide,
	.name = "beyond",
};
