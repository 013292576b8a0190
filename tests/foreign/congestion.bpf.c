// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of another subsystem that calls a kfunc of a policy: a congestion
 * control of TCP, which runs in softirq on top of whatever task was interrupted.
 * The verifier must refuse it.
 */
#include "readahead_ext.bpf.h"

char _license[] SEC("license") = "GPL";

/* A definition, so that libbpf takes the prototypes below for the kernel's. */
struct sock {
	int unused;
};

/* The members that TCP insists on. libbpf finds them by name. */
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
};

#define KFUNC __attribute__((section(".ksyms")))

extern __u32 tcp_reno_ssthresh(struct sock *sk) KFUNC;
extern void tcp_reno_cong_avoid(struct sock *sk, __u32 ack, __u32 acked) KFUNC;
extern __u32 tcp_reno_undo_cwnd(struct sock *sk) KFUNC;

__u32 answer;

SEC("struct_ops/ssthresh")
__u32 foreign_ssthresh(unsigned long long *ctx)
{
	return tcp_reno_ssthresh((struct sock *)ctx[0]);
}

SEC("struct_ops/cong_avoid")
void foreign_cong_avoid(unsigned long long *ctx)
{
	struct bpf_fs_readahead_state *state = (void *)ctx[0];

	answer = bpf_fs_readahead_cached(state, 0, 32);
	tcp_reno_cong_avoid((struct sock *)ctx[0], ctx[1], ctx[2]);
}

SEC("struct_ops/undo_cwnd")
__u32 foreign_undo_cwnd(unsigned long long *ctx)
{
	return tcp_reno_undo_cwnd((struct sock *)ctx[0]);
}

SEC(".struct_ops.link")
struct tcp_congestion_ops foreign = {
	.ssthresh = (void *)foreign_ssthresh,
	.cong_avoid = (void *)foreign_cong_avoid,
	.undo_cwnd = (void *)foreign_undo_cwnd,
	.name = "foreign",
};
