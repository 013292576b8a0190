/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoint readahead_ext:readahead_decision: each decision of a policy, when
 * it is over, with what it was about and what it came to.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM readahead_ext

#if !defined(RAEXT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define RAEXT_TRACE_H

#include <linux/tracepoint.h>

#include "ctx.h"

/* Tools read the values of names in the format from here. */
TRACE_DEFINE_ENUM(RAEXT_KEPT);
TRACE_DEFINE_ENUM(RAEXT_LIMITED);
TRACE_DEFINE_ENUM(RAEXT_CHANGED);
TRACE_DEFINE_ENUM(RAEXT_TAKEN);
TRACE_DEFINE_ENUM(BPF_FS_RA_MISS);
TRACE_DEFINE_ENUM(BPF_FS_RA_MARK);
TRACE_DEFINE_ENUM(BPF_FS_RA_FAULT);
TRACE_DEFINE_ENUM(BPF_FS_RA_RANDOM);
TRACE_DEFINE_ENUM(BPF_FS_RA_SEQUENTIAL);
TRACE_DEFINE_ENUM(BPF_FS_RA_HUGEPAGE);
TRACE_DEFINE_ENUM(BPF_FS_RA_WRITE_FAULT);
TRACE_DEFINE_ENUM(BPF_FS_RA_MMAP);
TRACE_DEFINE_ENUM(BPF_FS_RA_EXEC);
TRACE_DEFINE_ENUM(BPF_FS_RA_DONTCACHE);
TRACE_DEFINE_ENUM(BPF_FS_RA_NOWAIT);

#define raext_show_verdict(verdict)			\
	__print_symbolic(verdict,			\
			 { RAEXT_KEPT, "kept" },	\
			 { RAEXT_LIMITED, "limited" },	\
			 { RAEXT_CHANGED, "changed" },	\
			 { RAEXT_TAKEN, "taken" })

#define raext_show_flags(flags)					\
	__print_flags(flags, "|",				\
		      { BPF_FS_RA_MISS, "miss" },		\
		      { BPF_FS_RA_MARK, "mark" },		\
		      { BPF_FS_RA_FAULT, "fault" },		\
		      { BPF_FS_RA_RANDOM, "random" },		\
		      { BPF_FS_RA_SEQUENTIAL, "sequential" },	\
		      { BPF_FS_RA_HUGEPAGE, "hugepage" },	\
		      { BPF_FS_RA_WRITE_FAULT, "write" },	\
		      { BPF_FS_RA_MMAP, "mmap" },		\
		      { BPF_FS_RA_EXEC, "exec" },		\
		      { BPF_FS_RA_DONTCACHE, "dontcache" },	\
		      { BPF_FS_RA_NOWAIT, "nowait" })

/* Sizes and indices are in pages; limit is -1 where the file's own holds. */
DECLARE_EVENT_CLASS(raext_decision_class,

	TP_PROTO(const struct raext_ctx *c, const char *name),

	TP_ARGS(c, name),

	TP_STRUCT__entry(
		__array(char, name, BPF_FS_RA_NAME_LEN)
		__field(u64, ino)
		__field(u64, file_pages)
		__field(u64, index)
		__field(u64, start)
		__field(u32, dev)
		__field(u32, flags)
		__field(u32, req_pages)
		__field(u32, verdict)
		__field(s32, limit)
		__field(u32, size)
		__field(u32, async_size)
		__field(u32, ranges)
		__field(u32, submitted)
	),

	TP_fast_assign(
		strscpy(__entry->name, name, sizeof(__entry->name));
		__entry->ino = c->mapping->host->i_ino;
		__entry->file_pages = raext_file_pages(c->mapping);
		__entry->index = c->index;
		__entry->start = c->window.start;
		__entry->dev = raext_mapping_dev(c->mapping);
		__entry->flags = c->flags;
		__entry->req_pages = c->req_pages;
		__entry->verdict = c->verdict;
		__entry->limit = c->limit;
		__entry->size = c->window.size;
		__entry->async_size = c->window.async_size;
		__entry->ranges = c->ranges_asked;
		__entry->submitted = c->submitted;
	),

	TP_printk("policy=%s dev=%u:%u ino=%llu flags=%s index=%llu req=%u file=%llu verdict=%s limit=%d start=%llu size=%u async=%u ranges=%u submitted=%u",
		  __entry->name, MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->ino, raext_show_flags(__entry->flags),
		  __entry->index, __entry->req_pages, __entry->file_pages,
		  raext_show_verdict(__entry->verdict), __entry->limit,
		  __entry->start, __entry->size, __entry->async_size,
		  __entry->ranges, __entry->submitted)
);

DEFINE_EVENT(raext_decision_class, readahead_decision,

	TP_PROTO(const struct raext_ctx *c, const char *name),

	TP_ARGS(c, name)
);

/* The name in 0.1, kept for one release. */
DEFINE_EVENT(raext_decision_class, decision,

	TP_PROTO(const struct raext_ctx *c, const char *name),

	TP_ARGS(c, name)
);

#endif /* RAEXT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
