// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * Prints what it sees of each decision to the kernel's trace, and keeps it. At
 * the first one it may ask for a range.
 */
#include "readahead_ext.bpf.h"

static long (*const trace_printk)(const char *format, __u32 size, ...) = (void *)6;

#define PRINT(text, ...) do {						\
	static const char format[] = text;				\
	trace_printk(format, sizeof(format), __VA_ARGS__);		\
} while (0)

/* The range of each decision: so far behind the page, and so long. */
const volatile __u32 range_apart = 0;
const volatile __u32 range_pages = 0;

SEC("struct_ops/decide")
int RAEXT_CALLBACK(fields_decide, struct bpf_fs_readahead_state *s)
{
	PRINT("fields: index=%llu flags=%u file_id=%llx", s->index, s->flags, s->file_id);
	PRINT("fields: map_first=%llu map_last=%llu waited_ns=%llu", s->map_first,
	      s->map_last, s->waited_ns);
	PRINT("fields: inflight_pages=%llu room_pages=%u pressure=%u",
	      s->inflight_pages, s->room_pages, s->pressure);
	if (range_pages)
		bpf_fs_readahead_prefetch(s, s->index + range_apart, range_pages, 0);
	return 0;
}

RAEXT_POLICY(fields) = {
	.decide = (void *)fields_decide,
	.name = "fields",
};
