/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that a readahead policy in C needs:
 *
 *	#include "readahead_ext.bpf.h"
 *
 *	SEC("struct_ops/get_max_ra")
 *	int RAEXT_CALLBACK(limit, struct bpf_fs_readahead_state *s)
 *	{
 *		return s->ra_pages * 4;
 *	}
 *
 *	RAEXT_POLICY(wider) = {
 *		.get_max_ra = (void *)limit,
 *		.name = "wider",
 *	};
 *
 * Self-contained: neither vmlinux.h, <linux/types.h> nor libbpf's headers are
 * needed, but they may be included before this one. Compile with clang -O2 -g -target bpf;
 * raext build does. Code that was not optimised is refused by the kernel.
 */
#ifndef READAHEAD_EXT_BPF_H
#define READAHEAD_EXT_BPF_H

#ifndef __VMLINUX_H__
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef long long __s64;
#endif

#ifndef SEC
#define SEC(name) __attribute__((section(name), used))
#endif

/*
 * Each access to a field is recorded, so that the loader can move it to where
 * the running module has the field (CO-RE).
 */
#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)
#include "../kmod/readahead_ext_abi.h"
#pragma clang attribute pop

/*
 * The kernel calls a callback with an array of arguments; the macro defines
 * that function and an inner one that has the argument by its name.
 */
#define RAEXT_CALLBACK(function, argument)				\
	function(unsigned long long *ctx);				\
	static inline __attribute__((always_inline)) int		\
	____##function(argument);					\
	int function(unsigned long long *ctx)				\
	{								\
		return ____##function((void *)ctx[0]);			\
	}								\
	static inline __attribute__((always_inline)) int		\
	____##function(argument)

/*
 * bpf_fs_readahead_prefetch - read a range of the same file, too
 * @s: the callback's argument
 * @index: first page
 * @nr: pages
 * @flags: BPF_FS_RA_PREFETCH_MARK: call the policy again when the application
 *	reaches the range
 *
 * Submitted after the callback has returned; up to 64 ranges for a decision.
 *
 * Return: 0, or a negative error number
 */
extern int bpf_fs_readahead_prefetch(struct bpf_fs_readahead_state *s,
				     __u64 index, __u32 nr, __u32 flags)
	__attribute__((section(".ksyms")));

/* How many of the @nr pages from @index on are in the page cache. */
extern __u32 bpf_fs_readahead_cached(struct bpf_fs_readahead_state *s,
				     __u64 index, __u32 nr) __attribute__((section(".ksyms")));

/* The table of callbacks; one that is left out is the kernel's. */
#define RAEXT_POLICY(variable)						\
	char _license[] SEC("license") = "GPL";				\
	SEC(".struct_ops.link")						\
	struct bpf_fs_readahead_ops variable

#endif /* READAHEAD_EXT_BPF_H */
