/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only home of differences between kernel versions. Each has the version
 * from which it holds and the reason. All other files of this module are
 * written for the newest tested kernel.
 */
#ifndef RAEXT_COMPAT_H
#define RAEXT_COMPAT_H

/* This file comes before every other one: see Kbuild. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/btf.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/version.h>

#ifndef CONFIG_X86_64
#error "readahead_ext knows the entry of a traced function on x86-64 only"
#endif

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
static inline void raext_ra_copy_order(struct file_ra_state *to,
				       const struct file_ra_state *from)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	to->order = from->order;
#endif
}

/*
 * 6.14: a read may ask that its pages do not stay in the cache (RWF_DONTCACHE),
 * which the readahead control carries.
 */
static inline bool raext_dropbehind(const struct readahead_control *ractl)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	return ractl->dropbehind;
#else
	return false;
#endif
}

static inline void raext_set_dropbehind(struct readahead_control *ractl,
					bool drop)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	ractl->dropbehind = drop;
#endif
}

/*
 * filemap_get_folio() that leaves the folio as it is. 6.14: without FGP_DONTCACHE
 * a lookup takes the folio for one that is to stay in the cache.
 */
static inline struct folio *raext_get_folio(struct address_space *mapping,
					    pgoff_t index)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	return __filemap_get_folio(mapping, index, FGP_DONTCACHE, 0);
#else
	return filemap_get_folio(mapping, index);
#endif
}

/*
 * The flags of a folio that may be freed meanwhile: folio_test_readahead() and the
 * like insist on the head of a folio in use. A wrong guess must be harmless.
 * 6.18: the flags are a struct.
 */
static inline unsigned long raext_folio_flags(const struct folio *folio)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return READ_ONCE(folio->flags.f);
#else
	return READ_ONCE(folio->flags);
#endif
}

static inline bool raext_folio_may_be_marked(const struct folio *folio)
{
	return raext_folio_flags(folio) & BIT(PG_readahead);
}

static inline bool raext_folio_may_be_in_flight(const struct folio *folio)
{
	return (raext_folio_flags(folio) & (BIT(PG_locked) | BIT(PG_uptodate))) ==
	       BIT(PG_locked);
}

/* Locked, and not by the I/O that fills it. */
static inline bool raext_folio_may_be_held(const struct folio *folio)
{
	unsigned long bits = BIT(PG_locked) | BIT(PG_uptodate);

	return (raext_folio_flags(folio) & bits) == bits;
}

/*
 * Whether a mapping's faults read huge pages, whatever the file's limit. 7.2: not
 * where the file has no large folios.
 */
static inline bool raext_reads_huge(vm_flags_t vm_flags,
				    const struct address_space *mapping)
{
	if (!(vm_flags & VM_HUGEPAGE))
		return false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return mapping_large_folio_support(mapping);
#else
	return true;
#endif
}

/* 7.0: every kfunc takes trusted arguments only, and the flag is gone. */
#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS 0
#endif

#endif /* RAEXT_COMPAT_H */
