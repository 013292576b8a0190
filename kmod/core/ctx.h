/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The context of a decision, and the functions of the core.
 *
 *   home (shim/)                  core/
 *   raext_begin() ------------->  scope.c   the policy of this task and file
 *   raext_ask() --------------->  ask.c     decide, get_max_ra
 *   raext_ask_window() -------->  ask.c     get_ra
 *   raext_ranges() ------------>  ranges.c ----> raext_env_read(): home
 *   raext_end() --------------->  stats.c, trace.h
 *
 * The core knows nothing of ftrace, of faults, of kernel versions, or of how it
 * was called. Its home fills in the context, says what the caller allows (@may)
 * and carries out the answers. env.h has what the core asks of its home.
 *
 * Locks, and how they nest (an inner one is further right):
 *
 *   raext_scopes_lock (scope.c, mutex): the attached policies; held while hooks
 *	are armed and tracepoints registered -> ftrace's and tracepoints' own
 *   i_pages (the page cache's) -> bucket of chunks -> judge (trylock only),
 *	pool of free chunks (all guard.c)
 *   flight (ranges.c): the batches of a file in flight; innermost
 */
#ifndef RAEXT_CTX_H
#define RAEXT_CTX_H

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/types.h>

#include "../readahead_ext_abi.h"

/* The name that people see: messages, debugfs, the tracepoint's system. */
#define RAEXT_NAME "readahead_ext"

struct bpf_link;
struct bpf_prog;
struct raext_policy;
struct seq_file;

/**
 * enum raext_verdict - the result of a decision, exactly one for each
 *
 * @RAEXT_KEPT: the kernel's own readahead
 * @RAEXT_LIMITED: get_max_ra gave a limit other than the file's own
 * @RAEXT_CHANGED: get_ra changed the window
 * @RAEXT_TAKEN: decide gave the window
 */
enum raext_verdict {
	RAEXT_KEPT,
	RAEXT_LIMITED,
	RAEXT_CHANGED,
	RAEXT_TAKEN,
};

/**
 * enum raext_may - what the caller of the core allows
 *
 * @RAEXT_MAY_SLEEP: nothing is locked that reading would wait for: ranges may
 *	be read
 * @RAEXT_MAY_WAIT: the caller's I/O may block
 */
enum raext_may {
	RAEXT_MAY_SLEEP = 1,
	RAEXT_MAY_WAIT = 2,
};

/**
 * struct raext_window - a window, in pages
 *
 * @start: first page
 * @size: length
 * @async_size: tail, whose first page is marked
 */
struct raext_window {
	u64 start;
	u32 size;
	u32 async_size;
};

/**
 * struct raext_range - a range that a policy asked for, in pages
 *
 * @index: first page
 * @nr: length
 * @flags: &enum bpf_fs_readahead_prefetch_flags
 */
struct raext_range {
	u64 index;
	u32 nr;
	u32 flags;
};

/* Ranges of a decision: the first ones without an allocation. */
#define RAEXT_RANGES_OWN	4
#define RAEXT_RANGES_MAX	64

/**
 * struct raext_ctx - one decision about readahead
 *
 * Lives on the stack of the home's caller.
 *
 * @state: what the policy sees; first, since a kfunc finds the rest by it
 * @mapping: the file's page cache
 * @file: the file, NULL where a file system reads for itself
 * @ra: the file's own readahead state, which the home writes
 * @index: the page that is needed now
 * @req_pages: pages asked for from @index
 * @map_first: the first page of the file that the faulting mapping covers
 * @map_last: the last one; both 0 on the read path
 * @flags: event and hints, &enum bpf_fs_readahead_flags
 * @may: &enum raext_may
 * @in_hook: the callback runs under ftrace, where nothing can be allocated
 * @speculative: what is read was not asked for by the application
 * @dropbehind: what is read is not to stay in the cache
 * @policy: the policy that decides, NULL for the kernel; referenced
 * @answered: whose callbacks answered first; compared, never followed
 * @max_pages: most pages of one answer; 0 before it is known
 * @cached_budget: pages that bpf_fs_readahead_cached() may still look at
 * @asked: the policy was asked
 * @wants_windows: the policy has get_ra
 * @wants: &enum bpf_fs_readahead_wants of the policy
 * @verdict: the result so far
 * @limit: answer of get_max_ra: pages, 0 for "only what was asked for",
 *	negative for "the file's own"
 * @window: the resulting window; the policy's own once taken
 * @nr_ranges: ranges that are not read yet
 * @ranges: the first of them
 * @more: the rest of them, NULL if there was no need
 * @ranges_asked: ranges asked for
 * @submitted: pages of ranges that were submitted
 */
struct raext_ctx {
	struct bpf_fs_readahead_state state;

	struct address_space *mapping;
	struct file *file;
	struct file_ra_state *ra;
	pgoff_t index;
	unsigned long req_pages;
	pgoff_t map_first;
	pgoff_t map_last;
	u32 flags;
	u32 may;
	bool in_hook;
	bool speculative;
	bool dropbehind;

	struct raext_policy *policy;
	const struct bpf_fs_readahead_ops *answered;
	u32 max_pages;
	u32 cached_budget;
	bool asked;
	bool wants_windows;
	u64 wants;

	enum raext_verdict verdict;
	int limit;
	struct raext_window window;
	u32 nr_ranges;
	struct raext_range ranges[RAEXT_RANGES_OWN];
	struct raext_range *more;
	u32 ranges_asked;
	u32 submitted;
};

/* kfuncs.c comes from the one to the other without an offset. */
static_assert(offsetof(struct raext_ctx, state) == 0);

/**
 * enum raext_counter - the counters of each policy and event
 *
 * The first four are in the order of &enum raext_verdict, and their sum is
 * the number of decisions. Of the pages asked for by ranges, each is in
 * exactly one of those from @RAEXT_SUBMITTED on.
 *
 * @RAEXT_N_KEPT: see &enum raext_verdict
 * @RAEXT_N_LIMITED: likewise
 * @RAEXT_N_CHANGED: likewise
 * @RAEXT_N_TAKEN: likewise
 * @RAEXT_WINDOWS: windows that get_ra was asked about
 * @RAEXT_CLAMPED: answers that were out of range
 * @RAEXT_CONGESTED: windows left out since the task's block cgroup is congested
 * @RAEXT_NS: time in the policy, if the parameter timing is on
 * @RAEXT_RANGES: ranges asked for
 * @RAEXT_PAGES: pages of them
 * @RAEXT_SUBMITTED: pages of ranges that were submitted
 * @RAEXT_CACHED: pages of ranges that were cached already
 * @RAEXT_DROP_EOF: dropped: behind the end of the file
 * @RAEXT_DROP_LIMIT: dropped: over the hard limit of a range
 * @RAEXT_DROP_FULL: dropped: more ranges than a decision may have
 * @RAEXT_DROP_BUSY: dropped: too many pages of the file in flight
 * @RAEXT_DROP_MEMORY: dropped: no memory for the ranges or their pages
 * @RAEXT_DROP_LATE: dropped: asked for where the caller cannot read, or it dies
 * @RAEXT_DROP_CONGESTED: dropped: the task's block cgroup is congested
 */
enum raext_counter {
	RAEXT_N_KEPT,
	RAEXT_N_LIMITED,
	RAEXT_N_CHANGED,
	RAEXT_N_TAKEN,
	RAEXT_WINDOWS,
	RAEXT_CLAMPED,
	RAEXT_CONGESTED,
	RAEXT_NS,
	RAEXT_RANGES,
	RAEXT_PAGES,
	RAEXT_SUBMITTED,
	RAEXT_CACHED,
	RAEXT_DROP_EOF,
	RAEXT_DROP_LIMIT,
	RAEXT_DROP_FULL,
	RAEXT_DROP_BUSY,
	RAEXT_DROP_MEMORY,
	RAEXT_DROP_LATE,
	RAEXT_DROP_CONGESTED,
	RAEXT_NR_COUNTERS,
};

/* A verdict is used as its counter. */
static_assert((int)RAEXT_KEPT == (int)RAEXT_N_KEPT);
static_assert((int)RAEXT_LIMITED == (int)RAEXT_N_LIMITED);
static_assert((int)RAEXT_CHANGED == (int)RAEXT_N_CHANGED);
static_assert((int)RAEXT_TAKEN == (int)RAEXT_N_TAKEN);

/* ask.c: the questions to a policy and the clamps of its answers */
void raext_begin(struct raext_ctx *c);
void raext_ask(struct raext_ctx *c);
bool raext_ask_window(struct raext_ctx *c, struct raext_window *w);
struct raext_window raext_requested(struct raext_ctx *c);
void raext_end(struct raext_ctx *c);

/* ranges.c: what a policy asked for beside the window */
void raext_ranges(struct raext_ctx *c);

/* kfuncs.c: the kfuncs of a policy */
int raext_kfuncs_register(void);

/* ops.c: the struct_ops type */
int raext_ops_register(void);
bool raext_ops_is_policy(const struct bpf_prog *prog);

/* stats.c: counters */
struct raext_counters __percpu *raext_counters_alloc(void);
void raext_count(const struct raext_ctx *c, enum raext_counter counter, u64 n);

/* What the home shows to users. */
void raext_policies_show(struct seq_file *seq);
void raext_counters_show(struct seq_file *seq);

static inline pgoff_t raext_file_pages(const struct address_space *mapping)
{
	return DIV_ROUND_UP_ULL(i_size_read(mapping->host), PAGE_SIZE);
}

static inline u32 raext_mapping_dev(const struct address_space *mapping)
{
	const struct inode *inode = mapping->host;

	return S_ISBLK(inode->i_mode) ? inode->i_rdev : inode->i_sb->s_dev;
}

#endif /* RAEXT_CTX_H */
