/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only home of differences between kernel versions: each with the
 * version from which it holds and the reason. Everything else in this
 * module is written for the newest kernel that it is tested with.
 */
#ifndef RAEXT_COMPAT_H
#define RAEXT_COMPAT_H

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
 * 6.17: file_ra_state gains 'order' and page_cache_ra_order() loses its
 * order argument; 7.0: page_cache_ra_unbounded() wants invalidate_lock held.
 * Neither gives an error at compile time, so an untested kernel is refused.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#error "readahead_ext is not yet adapted to Linux 6.17 and later"
#endif

#endif /* RAEXT_COMPAT_H */
