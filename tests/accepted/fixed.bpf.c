// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * Gives fixed answers to chosen events: a window, or ranges beside the kernel's
 * own window.
 */
#include "readahead_ext.bpf.h"

/* Event bits of the decisions that are answered; all others are kept. */
const volatile __u32 events = 7;
/* The answer of decide, and the window that goes with an answer of 1. */
const volatile int answer = 0;
const volatile __u64 start = 0;
const volatile __u32 size = 0;
const volatile __u32 async_size = 0;
/* Whether all begin so far behind the requested page. */
const volatile _Bool follows = 0;
/* Whether the window begins where the file's previous one ends. */
const volatile _Bool continues = 0;
/* The size of each second window, and its tail; the first size's if 0. */
const volatile __u32 other_size = 0;
/* Ranges of each decision, and the distance from one to the next. */
const volatile __u32 ranges = 0;
const volatile __u64 range_start = 0;
const volatile __u32 range_pages = 0;
const volatile __u32 range_apart = 0;
/* One more range. */
const volatile __u64 last_start = 0;
const volatile __u32 last_pages = 0;
/* By how many pages get_ra shortens the kernel's window. */
const volatile __u32 shorter = 0;

SEC("struct_ops/decide")
int RAEXT_CALLBACK(fixed_decide, struct bpf_fs_readahead_state *s)
{
	__u64 base = follows ? s->index : 0;

	if (!(s->flags & events))
		return 0;
	for (__u32 i = 0; i < 64 && i < ranges; i++)
		bpf_fs_readahead_prefetch(s, base + range_start +
					  (__u64)i * range_apart,
					  range_pages, 0);
	if (last_pages)
		bpf_fs_readahead_prefetch(s, base + last_start, last_pages, 0);
	if (answer == 1) {
		s->start = continues ? s->start + s->size : base + start;
		if (other_size && s->size == size) {
			s->size = other_size;
			s->async_size = other_size;
		} else {
			s->size = size;
			s->async_size = async_size;
		}
	}
	return answer;
}

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(fixed_ra, struct bpf_fs_readahead_state *s)
{
	if (!shorter || !(s->flags & events))
		return -1;
	return s->size - shorter;
}

RAEXT_POLICY(fixed) = {
	.decide = (void *)fixed_decide,
	.get_ra = (void *)fixed_ra,
	.name = "fixed",
};
