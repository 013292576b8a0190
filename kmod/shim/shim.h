/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shim: the home of the core beside a stock kernel. ftrace.c begins with an
 * overview of the hooks.
 *
 * One lock: that of a bucket of calls (underway.c), innermost, taken with
 * interrupts off.
 */
#ifndef RAEXT_SHIM_H
#define RAEXT_SHIM_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/pagemap.h>
#include <linux/srcu.h>

#include "../core/ctx.h"
#include "../core/env.h"
#include "compat.h"

/**
 * struct raext_call - a call into the kernel's readahead, wrapped
 *
 * @ctx: the decision
 * @node: in the table of calls under way
 * @task: whose call it is
 * @folio: the marked folio, while a window behind it is read; or NULL
 * @steered: the window that the hook is to put in; size 0 for none
 * @lent: the kernel works on a copy of the file's readahead state
 * @published: the window that the hook wrote to the file's own state
 * @fault: the call is a fault
 * @locked: a fault whose lock is held while it reads
 * @exec: the mapping is executable
 * @huge: a fault that reads a huge page, whatever the limit
 * @left: the answer is left to the window that the kernel is about to compute
 */
struct raext_call {
	struct raext_ctx ctx;
	struct hlist_node node;
	struct task_struct *task;
	struct folio *folio;
	struct raext_window steered;
	bool lent;
	struct raext_window published;
	bool fault;
	bool locked;
	bool exec;
	bool huge;
	bool left;
};

static inline struct raext_call *raext_call_of(struct raext_ctx *c)
{
	return container_of(c, struct raext_call, ctx);
}

/* Write a window to the place that the kernel reads its window from. */
static inline void raext_put_window(struct readahead_control *ractl,
				    struct raext_window w)
{
	ractl->ra->start = w.start;
	ractl->ra->size = w.size;
	ractl->ra->async_size = w.async_size;
	ractl->_index = w.start;
}

/* Under the lock of a fault, no more is read than the kernel would read. */
static inline void raext_shorten(struct raext_window *w, u32 most)
{
	w->size = min(w->size, max(most, 1U));
	w->async_size = min(w->async_size, w->size);
}

/* Held by every wrapper while it runs. */
extern struct srcu_struct raext_srcu;

/* wait.c: waits for the page of a miss */
void raext_expect_wait(const struct raext_ctx *c);
void raext_io_schedule(void);

/* underway.c: the calls of tasks that are inside of a wrapper */
void raext_call_begin(struct raext_call *call);
void raext_call_end(struct raext_call *call);
struct raext_call *raext_call_find(const struct address_space *mapping);

/* env.c: reads, and the window hook */
void raext_env_publish(struct raext_call *call, struct raext_window w);
void raext_env_read_window(struct raext_call *call);
void raext_env_open_window(struct raext_call *call);
void raext_hook_put(struct raext_call *call, struct readahead_control *ractl);

/* read.c, fault.c: the wrappers */
void raext_page_cache_sync_ra(struct readahead_control *ractl,
			      unsigned long req_pages);
void raext_page_cache_async_ra(struct readahead_control *ractl,
			       struct folio *folio, unsigned long req_pages);
vm_fault_t raext_fault_absent(struct vm_fault *vmf);
vm_fault_t raext_fault_marked(struct vm_fault *vmf);
u32 raext_fault_event(const struct vm_fault *vmf);

/* selftest.c: whether the hooks meet the kernel where they were made to */
int raext_selftest(void);
bool raext_selftest_has(const struct address_space *mapping);
void raext_selftest_read(struct readahead_control *ractl, struct folio *folio);

/* ftrace.c: the hooks into the kernel */
int raext_ftrace_init(void);
void raext_ftrace_exit(void);

/* debugfs.c */
void raext_debugfs_create(void);
void raext_debugfs_remove(void);

#endif /* RAEXT_SHIM_H */
