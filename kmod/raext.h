/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations that the files of this module share. hooks.c begins with an
 * overview of the whole.
 */
#ifndef RAEXT_H
#define RAEXT_H

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/types.h>

#include "compat.h"
#include "readahead_ext_abi.h"

struct bpf_link;
struct raext_policy;
struct raext_queue;
struct seq_file;
struct vm_fault;

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

static inline void raext_put_window(struct readahead_control *ractl,
				    struct raext_window w)
{
	ractl->ra->start = w.start;
	ractl->ra->size = w.size;
	ractl->ra->async_size = w.async_size;
	ractl->_index = w.start;
}

/**
 * struct raext_decision - one decision about readahead that is under way
 *
 * Lives on the stack of a wrapper in wrap.c. The hook that runs deeper in the
 * same call finds it by task and mapping.
 *
 * @node: in the table of decisions under way
 * @task: who needs the page
 * @mapping: the file's page cache
 * @file: the file, NULL for metadata that a file system reads ahead
 * @ra: the file's own readahead state
 * @policy: the policy that decides, NULL for the kernel; referenced
 * @asked: the argument of the running callback; compared only
 * @queue: ranges that the policy asked for, not submitted yet
 * @index: the page that is needed now
 * @req_pages: pages asked for from @index
 * @flags: event and hints, &enum bpf_fs_readahead_flags
 * @limit: answer of get_max_ra: pages, 0 for "only what was asked for",
 *	negative for "the file's own"
 * @verdict: the result so far
 * @window: the resulting window; the policy's own once taken
 * @ranges: ranges asked for
 * @submitted: pages of ranges that were submitted
 * @decided: the policy was asked
 * @due: the answer is to be put into the next window that the kernel computes
 */
struct raext_decision {
	struct hlist_node node;
	struct task_struct *task;
	struct address_space *mapping;
	struct file *file;
	struct file_ra_state *ra;
	struct raext_policy *policy;
	const struct bpf_fs_readahead_state *asked;
	struct raext_queue *queue;
	pgoff_t index;
	unsigned long req_pages;
	u32 flags;
	int limit;
	enum raext_verdict verdict;
	struct raext_window window;
	u32 ranges;
	u32 submitted;
	bool decided;
	bool due;
};

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
 * @RAEXT_NS: time in the policy, if the parameter timing is on
 * @RAEXT_RANGES: ranges asked for
 * @RAEXT_PAGES: pages of them
 * @RAEXT_SUBMITTED: pages of ranges that were submitted
 * @RAEXT_CACHED: pages of ranges that were cached already
 * @RAEXT_DROP_EOF: dropped: behind the end of the file
 * @RAEXT_DROP_LIMIT: dropped: over the hard limit of a range
 * @RAEXT_DROP_FULL: dropped: more ranges than a decision may have
 * @RAEXT_DROP_BUSY: dropped: too many pages of the file in flight
 * @RAEXT_DROP_MEMORY: dropped: no memory for the queue or the pages
 * @RAEXT_DROP_LATE: dropped: asked for where a folio was locked already
 */
enum raext_counter {
	RAEXT_N_KEPT,
	RAEXT_N_LIMITED,
	RAEXT_N_CHANGED,
	RAEXT_N_TAKEN,
	RAEXT_WINDOWS,
	RAEXT_CLAMPED,
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
	RAEXT_NR_COUNTERS,
};

/* ops.c: the struct_ops type */
int raext_ops_register(void);

/* policy.c: the attached policies and their scopes */
int raext_policy_attach(struct bpf_fs_readahead_ops *ops,
			struct bpf_link *link);
int raext_policy_replace(struct bpf_fs_readahead_ops *ops,
			 struct bpf_fs_readahead_ops *old);
void raext_policy_detach(struct bpf_fs_readahead_ops *ops);
struct raext_policy *raext_policy_get(u32 dev);
void raext_policy_put(struct raext_policy *policy);
const struct bpf_fs_readahead_ops *raext_policy_ops(struct raext_policy *p);
const char *raext_policy_name(const struct raext_policy *policy);
void raext_policies_show(struct seq_file *seq);
void raext_counters_show(struct seq_file *seq);

/* stats.c: counters and debugfs */
struct raext_counters __percpu *raext_counters_alloc(void);
void raext_count(const struct raext_decision *d, enum raext_counter counter,
		 u64 n);
void raext_stats_create(void);
void raext_stats_remove(void);

/* decision.c: the questions to a policy and the use of its answers */
u32 raext_memory_share(void);
u32 raext_hard_limit(void);
pgoff_t raext_file_pages(const struct address_space *mapping);
u32 raext_mapping_dev(const struct address_space *mapping);
void raext_decision_begin(struct raext_decision *d);
void raext_decide(struct raext_decision *d);
void raext_decide_window(struct raext_decision *d,
			 struct readahead_control *ractl);
void raext_decision_end(struct raext_decision *d);

/* kfuncs.c: the kfuncs of a policy */
#define RAEXT_QUEUE_LEN 64

/**
 * struct raext_queue - ranges that a policy asked for
 *
 * @nr: how many
 * @ranges: the ranges, in pages
 */
struct raext_queue {
	u32 nr;
	struct {
		u64 index;
		u32 nr;
		u32 flags;
	} ranges[RAEXT_QUEUE_LEN];
};

int raext_kfuncs_register(void);

/* submit.c: reads without a window of the kernel's */
void raext_read_pages(struct readahead_control *ractl, unsigned long nr,
		      unsigned long lookahead);
void raext_read_asked(struct readahead_control *ractl,
		      const struct raext_decision *d);
u32 raext_absent(struct address_space *mapping, pgoff_t index, u32 nr);
void raext_read_ranges(struct raext_decision *d);
void raext_drop_ranges(struct raext_decision *d);

/* underway.c: the decisions of tasks that are inside of a wrapper */
void raext_underway_add(struct raext_decision *d);
void raext_underway_del(struct raext_decision *d);
struct raext_decision *
raext_underway_find(const struct address_space *mapping);
struct raext_decision *
raext_underway_asked(const struct bpf_fs_readahead_state *s);

/* wrap.c: the wrappers */
u32 raext_fault_event(const struct vm_fault *vmf);
void raext_page_cache_sync_ra(struct readahead_control *ractl,
			      unsigned long req_pages);
void raext_page_cache_async_ra(struct readahead_control *ractl,
			       struct folio *folio, unsigned long req_pages);
vm_fault_t raext_filemap_fault(struct vm_fault *vmf);
void raext_wrap_wait(void);

/* hooks.c: the hooks into the kernel */
int raext_hooks_init(void);
void raext_hooks_exit(void);
int raext_hooks_arm(void);
void raext_hooks_disarm(void);

#endif /* RAEXT_H */
