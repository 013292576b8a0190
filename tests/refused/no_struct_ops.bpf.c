// SPDX-License-Identifier: GPL-2.0-only
// refused: no-struct-ops
// A BPF program that nobody's table points to.
#include "readahead_ext.bpf.h"

char _license[] SEC("license") = "GPL";

SEC("raw_tp/sys_enter")
int on_enter(unsigned long long *ctx)
{
	return 0;
}
