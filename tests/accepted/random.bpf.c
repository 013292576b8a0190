// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * A policy made of random numbers: each seed is another one. Whatever it is
 * asked, it answers with a number that is absurd in some way, writes absurd
 * windows, and asks for up to 80 absurd ranges.
 */
#include "readahead_ext.bpf.h"

/* Which policy this is. */
const volatile __u64 seed = 1;

/* The numbers that it is made of, from which it goes on with each question. */
static volatile __u64 state;

static inline __attribute__((always_inline)) __u64 next(void)
{
	/* Two processors may draw the same number: random all the same. */
	__u64 x = state + seed * 0x9e3779b97f4a7c15ULL;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

/* Numbers of all sizes, and those at the ends of every range. */
static inline __attribute__((always_inline)) __u64
absurd(struct bpf_fs_readahead_state *s)
{
	__u64 x = next();

	switch (x >> 60) {
	case 0: return 0;
	case 1: return 1;
	case 2: return 0x7fffffffULL;
	case 3: return 0x80000000ULL;
	case 4: return 0xffffffffULL;
	case 5: return ~0ULL;
	case 6: return s->file_pages;
	case 7: return s->file_pages - 1;
	case 8: return s->index;
	case 9: return s->index + (x & 1023) - 512;
	case 10: return x & 63;
	case 11: return x & 4095;
	case 12: return x & 0xffffff;
	case 13: return -(x & 63);
	case 14: return ~0ULL - (x & 4095);
	}
	return x;
}

static inline __attribute__((always_inline)) void
scribble(struct bpf_fs_readahead_state *s)
{
	__u64 start = absurd(s), size = absurd(s), tail = absurd(s);

	if (next() & 1)
		s->start = start;
	if (next() & 1)
		s->size = size;
	if (next() & 1)
		s->async_size = tail;
}

static inline __attribute__((always_inline)) void
ask_for_ranges(struct bpf_fs_readahead_state *s)
{
	__u32 most = next() & 127;

	/* More than 64 are refused, one by one. */
	for (__u32 i = 0; i < 80; i++) {
		__u64 index, nr;

		if (i >= most)
			break;
		index = absurd(s);
		nr = absurd(s);
		/* The same page again and again. */
		if (next() & 1)
			index = s->index;
		bpf_fs_readahead_prefetch(s, index, nr, next() & 3);
	}
	bpf_fs_readahead_cached(s, absurd(s), absurd(s));
}

SEC("struct_ops/decide")
int RAEXT_CALLBACK(random_decide, struct bpf_fs_readahead_state *s)
{
	scribble(s);
	if (next() & 1)
		ask_for_ranges(s);
	return next() & 3 ? next() & 1 : absurd(s);
}

SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(random_max_ra, struct bpf_fs_readahead_state *s)
{
	if (!(next() & 7))
		ask_for_ranges(s);
	return absurd(s);
}

SEC("struct_ops/get_ra")
int RAEXT_CALLBACK(random_ra, struct bpf_fs_readahead_state *s)
{
	scribble(s);
	if (!(next() & 7))
		ask_for_ranges(s);
	return absurd(s);
}

RAEXT_POLICY(random_policy) = {
	.decide = (void *)random_decide,
	.get_max_ra = (void *)random_max_ra,
	.get_ra = (void *)random_ra,
	.name = "random",
};
