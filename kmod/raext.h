/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this module share. An overview of the whole is at the
 * top of hooks.c.
 */
#ifndef RAEXT_H
#define RAEXT_H

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/types.h>

#include "compat.h"
#include "readahead_ext_abi.h"

struct seq_file;

/**
 * struct raext_decision - one decision about readahead that is under way
 *
 * Lives on the stack of a wrapper in hooks.c and is found again, by task and
 * mapping, from the hook that runs deeper in the same call.
 *
 * @node: in the table of decisions under way
 * @task: who needs the page
 * @mapping: the file's page cache
 * @file: the file, NULL for metadata that a file system reads ahead
 * @ra: the file's own readahead state
 * @index: the page that is needed now
 * @req_pages: pages asked for from @index
 * @flags: event and hints, &enum bpf_fs_readahead_flags
 * @limit: answer of get_max_ra: pages, 0 for "only what was asked for",
 *	negative for "the file's own"
 * @decided: @limit is known
 * @applied: the window was computed with @limit already
 */
struct raext_decision {
	struct hlist_node node;
	struct task_struct *task;
	struct address_space *mapping;
	struct file *file;
	struct file_ra_state *ra;
	pgoff_t index;
	unsigned long req_pages;
	u32 flags;
	int limit;
	bool decided;
	bool applied;
};

/**
 * enum raext_counter - what is counted for each policy
 *
 * @RAEXT_MISS: decisions on a read miss
 * @RAEXT_MARK: decisions on a mark
 * @RAEXT_FAULT: decisions on a fault miss
 * @RAEXT_LIMITED: get_max_ra gave a limit of its own
 * @RAEXT_WINDOWS: get_ra was asked
 * @RAEXT_CHANGED: get_ra changed the window
 * @RAEXT_CLAMPED: an answer was out of range and was clamped
 */
enum raext_counter {
	RAEXT_MISS,
	RAEXT_MARK,
	RAEXT_FAULT,
	RAEXT_LIMITED,
	RAEXT_WINDOWS,
	RAEXT_CHANGED,
	RAEXT_CLAMPED,
	RAEXT_NR_COUNTERS,
};

/* ops.c: the struct_ops type */
int raext_ops_register(void);

/* policy.c: who is attached */
struct raext_policy;
int raext_policy_attach(struct bpf_fs_readahead_ops *ops);
void raext_policy_detach(struct bpf_fs_readahead_ops *ops);
struct raext_policy *raext_policy_of(const struct raext_decision *d);
const struct bpf_fs_readahead_ops *
raext_policy_ops(const struct raext_policy *policy);
void raext_count(struct raext_policy *policy, enum raext_counter counter);
void raext_policies_show(struct seq_file *seq);

/* decision.c: what is asked and what is made of the answers */
void raext_decide_limit(struct raext_decision *d);
void raext_decide_window(struct raext_decision *d,
			 struct readahead_control *ractl);
pgoff_t raext_file_pages(const struct address_space *mapping);

/* hooks.c: where the kernel is met */
int raext_hooks_init(void);
void raext_hooks_exit(void);
int raext_hooks_arm(void);
void raext_hooks_disarm(void);

/* stats.c: debugfs */
void raext_stats_create(void);
void raext_stats_remove(void);

#endif /* RAEXT_H */
