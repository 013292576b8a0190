// SPDX-License-Identifier: GPL-2.0-only
// refused: foreign-type
// A struct_ops table, but for the network: no readahead policy.
#include "readahead_ext.bpf.h"

char _license[] SEC("license") = "GPL";

struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	char name[16];
};

SEC("struct_ops/ssthresh")
__u32 ssthresh(unsigned long long *ctx)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops foreign_type = {
	.ssthresh = (void *)ssthresh,
	.name = "foreign_type",
};
