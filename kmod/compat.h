/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only home of differences between kernel versions. Each has the version
 * from which it holds and the reason. All other files of this module are
 * written for the newest tested kernel.
 */
#ifndef RAEXT_COMPAT_H
#define RAEXT_COMPAT_H

#include <linux/btf.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/version.h>

/*
 * 6.12 is the first kernel this was tested on: struct_ops types can be
 * registered by modules since 6.9, but callbacks of bpf_struct_ops took
 * other arguments before 6.12 (reg() and unreg() have had the link since
 * 6.11).
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "readahead_ext needs Linux 6.12 or later"
#endif

/*
 * The series that this was tested on; the list in crates/kernel/src/tested.rs
 * is compared with this one. A change in readahead gives no error at
 * compile time as a rule (see below), so that another series is refused.
 */
#define RAEXT_SERIES(major, minor)					\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0) &&	\
	 LINUX_VERSION_CODE < KERNEL_VERSION(major, (minor) + 1, 0))

#if !RAEXT_SERIES(6, 12) && !RAEXT_SERIES(6, 18) && \
	!RAEXT_SERIES(7, 2) && !RAEXT_SERIES(7, 3) && !defined(RAEXT_UNTESTED)
#error "readahead_ext is not tested on this kernel: UNTESTED=1 builds it all the same"
#endif

/*
 * 6.17 or 6.18: page_cache_ra_order() loses its order argument. Nothing to
 * do: it is only met by ftrace, and its first argument is the one looked at.
 */

/*
 * 6.17: file_ra_state gains 'order', the size of the folios to come, which
 * grows from one window to the next. A window that is given back without it
 * keeps folios small. (mmap_miss became as short as order is. The module does
 * not write it back, since the kernel counts it in the file's own state.)
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define raext_ra_copy_order(to, from) ((to)->order = (from)->order)
#else
#define raext_ra_copy_order(to, from) ((void)0)
#endif

/**
 * raext_ra_copy_back - what readahead left in a copy of a file's state
 * @to: the file's own
 * @from: the copy that readahead worked on
 */
static inline void raext_ra_copy_back(struct file_ra_state *to,
				      const struct file_ra_state *from)
{
	to->start = from->start;
	to->size = from->size;
	to->async_size = from->async_size;
	raext_ra_copy_order(to, from);
}

/**
 * raext_ra_unbounded - page_cache_ra_unbounded(), without the lock held
 * @ractl: where to read
 * @nr: pages
 * @lookahead: so many pages before the end of them is the mark
 *
 * 7.0: the caller must hold the mapping's invalidate_lock, shared. Before,
 * the callee takes it. The compiler notices neither: to get this wrong is a
 * race with truncation or a recursion.
 */
static inline void raext_ra_unbounded(struct readahead_control *ractl,
				      unsigned long nr,
				      unsigned long lookahead)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	filemap_invalidate_lock_shared(ractl->mapping);
	page_cache_ra_unbounded(ractl, nr, lookahead);
	filemap_invalidate_unlock_shared(ractl->mapping);
#else
	page_cache_ra_unbounded(ractl, nr, lookahead);
#endif
}

/* 7.0: every kfunc takes trusted arguments only, and the flag is gone. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define KF_TRUSTED_ARGS 0
#endif

#endif /* RAEXT_COMPAT_H */
