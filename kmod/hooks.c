// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the kernel is met.
 *
 *   read(), a page is absent ------> page_cache_sync_ra() ---.
 *   read(), the marked page -------> page_cache_async_ra() --+
 *                                       ^                    |
 *   fault, the marked page ---------.   | (MADV_SEQUENTIAL,  |
 *                                   |   |  or the mark)      |
 *   fault, a page is absent -----> filemap_fault() --------. |
 *                                                          v v
 *                                              page_cache_ra_order() -> I/O
 *
 * The first three functions are wrapped: ftrace sends their callers to a
 * wrapper of ours (IPMODIFY, as livepatch does), which asks the policy for the
 * limit and calls the original; a call that comes from this module is let
 * through. The wrapper of the read path gives the original a private copy of
 * the file's readahead state, so that the limit holds for this call alone, and
 * copies the window back.
 *
 * page_cache_ra_order() is where every computed window arrives. It is reached
 * by tail jumps from functions that our wrappers called, so that its caller
 * seems to be this module and a wrapper would let it through; and it is not
 * exported, so that a wrapper had no way to call it where IBT has its ENDBR
 * sealed. Hence no wrapper there: the ftrace callback itself changes the
 * window in memory, before the function runs.
 *
 * What belongs together is found by task and mapping: a wrapper leaves its
 * decision in a table for as long as it calls the original.
 *
 * Nothing here calls a kernel function by address: the originals are called
 * directly, by their exported symbols.
 */

#include <linux/backing-dev.h>
#include <linux/ftrace.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>

#include <asm/ibt.h>

#include "raext.h"

/* Every wrapper is inside of this for as long as it runs; see raext_hooks_exit(). */
DEFINE_STATIC_SRCU(raext_srcu);

/* The decisions under way */

#define RAEXT_BUCKET_BITS 6

static struct raext_bucket {
	raw_spinlock_t lock;
	struct hlist_head decisions;
} ____cacheline_aligned_in_smp raext_buckets[1 << RAEXT_BUCKET_BITS] = {
	[0 ... (1 << RAEXT_BUCKET_BITS) - 1] = {
		.lock = __RAW_SPIN_LOCK_UNLOCKED(raext_buckets.lock),
	},
};

static struct raext_bucket *raext_bucket(void)
{
	return &raext_buckets[hash_ptr(current, RAEXT_BUCKET_BITS)];
}

static void raext_decision_begin(struct raext_decision *d)
{
	struct raext_bucket *bucket = raext_bucket();

	d->task = current;
	raw_spin_lock(&bucket->lock);
	hlist_add_head(&d->node, &bucket->decisions);
	raw_spin_unlock(&bucket->lock);
}

static void raext_decision_end(struct raext_decision *d)
{
	struct raext_bucket *bucket = raext_bucket();

	raw_spin_lock(&bucket->lock);
	hlist_del(&d->node);
	raw_spin_unlock(&bucket->lock);
}

/* The innermost decision of this task on @mapping. Only the task ends it. */
static struct raext_decision *
raext_decision_find(const struct address_space *mapping)
{
	struct raext_bucket *bucket = raext_bucket();
	struct raext_decision *d;

	raw_spin_lock(&bucket->lock);
	hlist_for_each_entry(d, &bucket->decisions, node) {
		if (d->task == current && d->mapping == mapping)
			break;
	}
	raw_spin_unlock(&bucket->lock);
	return d;
}

/* Reading without a window */

/*
 * do_page_cache_ra(): read, but not behind the page that holds the file's last
 * byte.
 */
static void raext_read_pages(struct readahead_control *ractl,
			     unsigned long nr, unsigned long lookahead)
{
	pgoff_t file_pages = raext_file_pages(ractl->mapping);
	pgoff_t index = readahead_index(ractl);

	if (index < file_pages)
		raext_ra_unbounded(ractl, min(nr, file_pages - index),
				   lookahead);
}

/*
 * Read what was asked for and nothing else, in the portions and up to the
 * most of force_page_cache_ra().
 */
static void raext_read_asked(struct readahead_control *ractl,
			     const struct raext_decision *d)
{
	unsigned long most = max_t(unsigned long, d->ra->ra_pages,
				   inode_to_bdi(d->mapping->host)->io_pages);
	unsigned long left = clamp(d->req_pages, 1UL, max(most, 1UL));

	while (left) {
		unsigned long nr = min(left, SZ_2M / PAGE_SIZE);

		raext_read_pages(ractl, nr, 0);
		left -= nr;
	}
}

/* The read path */

static void raext_decision_of_read(struct raext_decision *d,
				   struct readahead_control *ractl,
				   unsigned long req_pages, u32 event)
{
	*d = (struct raext_decision) {
		.mapping = ractl->mapping,
		.file = ractl->file,
		.ra = ractl->ra,
		.index = readahead_index(ractl),
		.req_pages = req_pages,
		.flags = event,
		.applied = true,
	};
	if (d->file && (d->file->f_mode & FMODE_RANDOM))
		d->flags |= BPF_FS_RA_RANDOM;
}

/* Give the original a private copy of the file's readahead state. */
static void raext_ra_lend(struct readahead_control *ractl,
			  struct file_ra_state *copy, int limit)
{
	*copy = *ractl->ra;
	if (limit > 0)
		copy->ra_pages = limit;
	ractl->ra = copy;
}

static void raext_ra_return(struct readahead_control *ractl,
			    struct file_ra_state *ra)
{
	raext_ra_copy_back(ra, ractl->ra);
	ractl->ra = ra;
}

static void raext_sync_decided(struct readahead_control *ractl,
			       unsigned long req_pages,
			       struct raext_decision *d)
{
	struct file_ra_state *ra = ractl->ra;
	struct file_ra_state copy;

	raext_ra_lend(ractl, &copy, d->limit);
	if (d->limit == 0) {
		raext_read_asked(ractl, d);
		/* As random reads: the file's window stays as it was. */
		ractl->ra = ra;
		return;
	}
	page_cache_sync_ra(ractl, req_pages);
	raext_ra_return(ractl, ra);
}

static void raext_page_cache_sync_ra(struct readahead_control *ractl,
				     unsigned long req_pages)
{
	struct raext_decision own, *d;
	int idx = srcu_read_lock(&raext_srcu);

	d = raext_decision_find(ractl->mapping);
	if (d) {
		/*
		 * A fault with MADV_SEQUENTIAL: what it asks for is the file's
		 * limit, which gives way to the decision's.
		 */
		d->applied = true;
		raext_sync_decided(ractl, d->limit > 0 ? d->limit : req_pages,
				   d);
	} else {
		raext_decision_of_read(&own, ractl, req_pages, BPF_FS_RA_MISS);
		raext_decide_limit(&own);
		raext_decision_begin(&own);
		raext_sync_decided(ractl, req_pages, &own);
		raext_decision_end(&own);
	}
	srcu_read_unlock(&raext_srcu, idx);
}

static void raext_async_decided(struct readahead_control *ractl,
				struct folio *folio, unsigned long req_pages,
				struct raext_decision *d)
{
	struct file_ra_state *ra = ractl->ra;
	struct file_ra_state copy;

	raext_decide_limit(d);
	if (d->limit == 0) {
		/* Nothing to read, and no need to be asked again. */
		folio_clear_readahead(folio);
		return;
	}
	if (d->limit > 0 && (d->flags & BPF_FS_RA_MMAP))
		req_pages = d->limit;
	raext_ra_lend(ractl, &copy, d->limit);
	page_cache_async_ra(ractl, folio, req_pages);
	raext_ra_return(ractl, ra);
}

static void raext_page_cache_async_ra(struct readahead_control *ractl,
				      struct folio *folio,
				      unsigned long req_pages)
{
	struct raext_decision own, *d;
	int idx = srcu_read_lock(&raext_srcu);

	d = raext_decision_find(ractl->mapping);
	if (folio_test_writeback(folio)) {
		/* The mark's bit means something else then: no event. */
		page_cache_async_ra(ractl, folio, req_pages);
	} else if (d) {
		d->applied = true;
		raext_async_decided(ractl, folio, req_pages, d);
	} else {
		raext_decision_of_read(&own, ractl, req_pages, BPF_FS_RA_MARK);
		raext_decision_begin(&own);
		raext_async_decided(ractl, folio, req_pages, &own);
		raext_decision_end(&own);
	}
	srcu_read_unlock(&raext_srcu, idx);
}

/* The fault path */

/* The event that a fault is going to be, or 0 if its page is simply there. */
static u32 raext_fault_event(const struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	struct folio *folio;
	u32 event = 0;

	rcu_read_lock();
	folio = xa_load(&mapping->i_pages, vmf->pgoff);
	if (!folio || xa_is_value(folio)) {
		if (vmf->pgoff < raext_file_pages(mapping))
			event = BPF_FS_RA_FAULT;
	} else if (folio_test_readahead(folio) &&
		   !(vmf->flags & FAULT_FLAG_TRIED)) {
		/*
		 * The folio may have been freed meanwhile: then this is a
		 * wrong guess, and filemap_fault() looks for itself.
		 */
		event = BPF_FS_RA_MARK;
	}
	rcu_read_unlock();
	return event;
}

static void raext_decision_of_fault(struct raext_decision *d,
				    const struct vm_fault *vmf, u32 event)
{
	struct file *file = vmf->vma->vm_file;
	vm_flags_t vm_flags = vmf->vma->vm_flags;

	*d = (struct raext_decision) {
		.mapping = file->f_mapping,
		.file = file,
		.ra = &file->f_ra,
		.index = vmf->pgoff,
		.req_pages = 1,
		.flags = event | BPF_FS_RA_MMAP,
		/* A huge page has its own window, whatever the limit. */
		.applied = vm_flags & VM_HUGEPAGE,
	};
	if (vm_flags & VM_RAND_READ)
		d->flags |= BPF_FS_RA_RANDOM;
	if (vm_flags & VM_SEQ_READ)
		d->flags |= BPF_FS_RA_SEQUENTIAL;
	if (vm_flags & VM_HUGEPAGE)
		d->flags |= BPF_FS_RA_HUGEPAGE;
	if (vmf->flags & FAULT_FLAG_WRITE)
		d->flags |= BPF_FS_RA_WRITE_FAULT;
}

/*
 * do_sync_mmap_readahead() gives up at once where the file's own limit is 0.
 * A policy that opens it for this decision gets the same read-around, from
 * here: filemap_fault() then finds the page. The I/O is submitted, not awaited,
 * under the lock of the fault.
 */
static void raext_fault_open(struct raext_decision *d)
{
	DEFINE_READAHEAD(ractl, d->file, d->ra, d->mapping, d->index);
	struct file_ra_state copy;

	if (d->limit <= 0 || d->ra->ra_pages ||
	    (d->flags & (BPF_FS_RA_RANDOM | BPF_FS_RA_HUGEPAGE)))
		return;
	raext_ra_lend(&ractl, &copy, d->limit);
	raext_decide_window(d, &ractl);
	if (!d->applied)
		return;
	raext_read_pages(&ractl, copy.size, min(copy.async_size, copy.size));
	raext_ra_return(&ractl, d->ra);
}

static vm_fault_t raext_filemap_fault(struct vm_fault *vmf)
{
	int idx = srcu_read_lock(&raext_srcu);
	u32 event = raext_fault_event(vmf);
	struct raext_decision d;
	vm_fault_t ret;

	if (event) {
		raext_decision_of_fault(&d, vmf, event);
		raext_decision_begin(&d);
		/* A mark is decided when the kernel gets to it. */
		if (event == BPF_FS_RA_FAULT) {
			raext_decide_limit(&d);
			raext_fault_open(&d);
		}
	}
	/* From here on the lock may be dropped, and vmf->vma be gone. */
	ret = filemap_fault(vmf);
	if (event)
		raext_decision_end(&d);
	srcu_read_unlock(&raext_srcu, idx);
	return ret;
}

/* ftrace */

/* ftrace's trampoline returns to the wrapper: no indirect call is made. */
static __always_inline void raext_redirect(struct ftrace_regs *fregs,
					   void *wrapper)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)wrapper);
}

/* ftrace's call site is the first instruction behind a function's ENDBR. */
static bool raext_is_entry(unsigned long ip, const void *function)
{
	return ip - (unsigned long)function <= ENDBR_INSN_SIZE;
}

static void notrace raext_hook_wrap(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *op,
				    struct ftrace_regs *fregs)
{
	void *arg = (void *)ftrace_regs_get_argument(fregs, 0);

	if (within_module(parent_ip, THIS_MODULE))
		return;
	if (raext_is_entry(ip, page_cache_sync_ra))
		raext_redirect(fregs, raext_page_cache_sync_ra);
	else if (raext_is_entry(ip, page_cache_async_ra))
		raext_redirect(fregs, raext_page_cache_async_ra);
	else if (raext_is_entry(ip, filemap_fault) && raext_fault_event(arg))
		/* A page that is simply there cost this look, no more. */
		raext_redirect(fregs, raext_filemap_fault);
}

static void notrace raext_hook_window(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *op,
				      struct ftrace_regs *fregs)
{
	struct readahead_control *ractl =
		(void *)ftrace_regs_get_argument(fregs, 0);
	struct raext_decision *d = raext_decision_find(ractl->mapping);

	if (d)
		raext_decide_window(d, ractl);
}

/*
 * PERMANENT: kernel.ftrace_enabled=0 must not cut off an attached policy; while
 * it is 0, arming fails instead.
 */
static struct ftrace_ops raext_window_ops = {
	.func = raext_hook_window,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

/* One for all three, since each ftrace_ops costs a grace period to disarm. */
static struct ftrace_ops raext_wrap_ops = {
	.func = raext_hook_wrap,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static const struct raext_hook {
	char *function;
	struct ftrace_ops *ops;
} raext_hooks[] = {
	{ "page_cache_ra_order", &raext_window_ops },
	{ "page_cache_sync_ra", &raext_wrap_ops },
	{ "page_cache_async_ra", &raext_wrap_ops },
	{ "filemap_fault", &raext_wrap_ops },
};

static int raext_ops_arm(struct ftrace_ops *ops)
{
	int err = register_ftrace_function(ops);

	if (err)
		pr_err("readahead_ext: cannot hook the readahead functions (%d)%s\n",
		       err, err == -EBUSY ?
		       ": a livepatch holds one, or kernel.ftrace_enabled is 0" :
		       "");
	return err;
}

/**
 * raext_hooks_arm - meet the kernel
 *
 * Return: 0 with all hooks armed, or an error with none
 */
int raext_hooks_arm(void)
{
	/* A window is only asked for inside of a wrapper: the wrappers last. */
	int err = raext_ops_arm(&raext_window_ops);

	if (err)
		return err;
	err = raext_ops_arm(&raext_wrap_ops);
	if (err)
		unregister_ftrace_function(&raext_window_ops);
	return err;
}

/**
 * raext_hooks_disarm - leave the kernel alone again
 *
 * No call enters a wrapper any more; those inside finish on their own.
 */
void raext_hooks_disarm(void)
{
	unregister_ftrace_function(&raext_wrap_ops);
	unregister_ftrace_function(&raext_window_ops);
}

/*
 * The filters live as long as the module: ftrace_free_filter() leaves the ops
 * with pointers to what it freed, after which they cannot be armed again.
 */
static void raext_hooks_free(void)
{
	ftrace_free_filter(&raext_wrap_ops);
	ftrace_free_filter(&raext_window_ops);
}

/**
 * raext_hooks_init - find the functions to hook, without hooking them
 *
 * Return: 0, or an error if this kernel has one of them not traceable
 */
int raext_hooks_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_hooks); i++) {
		const struct raext_hook *hook = &raext_hooks[i];
		int err = ftrace_set_filter(hook->ops, hook->function,
					    strlen(hook->function), 0);

		if (err) {
			pr_err("readahead_ext: this kernel has no traceable %s (%d)\n",
			       hook->function, err);
			raext_hooks_free();
			return err;
		}
	}
	return 0;
}

/**
 * raext_hooks_exit - wait until nobody runs in this module
 *
 * To be called with the hooks disarmed. A task that ftrace sent to a wrapper
 * may have been preempted before it entered the SRCU section or after it left
 * it: both are short of a voluntary sleep, which synchronize_rcu_tasks()
 * waits for.
 */
void raext_hooks_exit(void)
{
	synchronize_rcu_tasks();
	synchronize_srcu(&raext_srcu);
	synchronize_rcu_tasks();
	raext_hooks_free();
}
