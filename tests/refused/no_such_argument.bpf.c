// SPDX-License-Identifier: GPL-2.0-only
// refused: no-such-argument
// Takes a second argument, which get_max_ra() is not given.
#include "readahead_ext.bpf.h"

SEC("struct_ops/get_max_ra")
int get_max_ra(unsigned long long *ctx)
{
	return ctx[1] != 0;
}

RAEXT_POLICY(no_such_argument) = {
	.get_max_ra = (void *)get_max_ra,
	.name = "no_such_argument",
};
