// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * The same with vmlinux.h of the target kernel, which has the types of the
 * kernel, and not those of the module. A field of a kernel's type is read.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "readahead_ext.bpf.h"

char _license[] SEC("license") = "GPL";

SEC("struct_ops/bpf_iden_max_ra")
int BPF_PROG(bpf_iden_max_ra, struct bpf_fs_readahead_state *s)
{
	const struct task_struct *task = bpf_get_current_task_btf();

	/* A task that reads a file has a process; this never holds. */
	if (task->tgid < 0)
		return 0;
	return s->ra_pages;
}

SEC("struct_ops/bpf_iden_ra")
int BPF_PROG(bpf_iden_ra, struct bpf_fs_readahead_state *s)
{
	return s->size;
}

SEC(".struct_ops")
struct bpf_fs_readahead_ops bpf_fs_readahead_ops = {
	.get_max_ra = (void *)bpf_iden_max_ra,
	.get_ra = (void *)bpf_iden_ra,
};
