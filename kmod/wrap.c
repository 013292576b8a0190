// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrappers replace the functions that begin readahead. A wrapper asks the
 * policy, calls the original with the answer, and submits the ranges that the
 * policy asked for.
 *
 * No call here goes by address: the wrappers call the originals directly, by
 * their exported symbols.
 */

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>

#include "raext.h"

/* Held by every wrapper while it runs. */
DEFINE_STATIC_SRCU(raext_srcu);

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

/* Read the window of a decision without the kernel's sizing it. */
static void raext_read_window(struct readahead_control *ractl,
			      struct raext_decision *d)
{
	raext_put_window(ractl, d->window);
	d->due = false;
	raext_read_pages(ractl, d->window.size, d->window.async_size);
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
	};
	if (d->file && (d->file->f_mode & FMODE_RANDOM))
		d->flags |= BPF_FS_RA_RANDOM;
}

/*
 * The policy gave the window. The kernel is asked for one that it computes
 * whatever the history (the page follows the previous read), and the window
 * hook puts the policy's in its place: so it is the kernel that reads, in the
 * folios that it finds right.
 */
static void raext_sync_taken(struct readahead_control *ractl,
			     struct raext_decision *d)
{
	struct file_ra_state *ra = ractl->ra;
	struct file_ra_state copy;

	raext_ra_lend(ractl, &copy, max_t(u32, d->window.size, 1));
	if (!d->window.size) {
		raext_read_asked(ractl, d);
		/* As random reads: the file's window stays as it was. */
		ractl->ra = ra;
		return;
	}
	copy.prev_pos = (loff_t)readahead_index(ractl) << PAGE_SHIFT;
	d->due = true;
	/* With this, the kernel would read without a window. */
	if (!(d->flags & BPF_FS_RA_RANDOM))
		page_cache_sync_ra(ractl, 1);
	if (d->due)
		raext_read_window(ractl, d);
	raext_ra_return(ractl, ra);
}

static void raext_sync_decided(struct readahead_control *ractl,
			       unsigned long req_pages,
			       struct raext_decision *d)
{
	struct file_ra_state *ra = ractl->ra;
	struct file_ra_state copy;

	if (d->verdict == RAEXT_TAKEN) {
		raext_sync_taken(ractl, d);
		return;
	}
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

/**
 * raext_page_cache_sync_ra - in the place of page_cache_sync_ra()
 * @ractl: as there
 * @req_pages: as there
 */
void raext_page_cache_sync_ra(struct readahead_control *ractl,
			      unsigned long req_pages)
{
	struct raext_decision own, *d;
	int idx = srcu_read_lock(&raext_srcu);

	d = raext_underway_find(ractl->mapping);
	if (d) {
		/*
		 * A fault with MADV_SEQUENTIAL: what it asks for is the file's
		 * limit, which gives way to the decision's.
		 */
		d->due = false;
		raext_sync_decided(ractl, d->limit > 0 ? d->limit : req_pages,
				   d);
	} else {
		raext_decision_of_read(&own, ractl, req_pages, BPF_FS_RA_MISS);
		raext_decision_begin(&own);
		raext_decide(&own);
		raext_sync_decided(ractl, req_pages, &own);
		raext_read_ranges(&own);
		raext_decision_end(&own);
	}
	srcu_read_unlock(&raext_srcu, idx);
}

/* As raext_sync_taken(), with a mark where the kernel expects the next one. */
static void raext_async_taken(struct readahead_control *ractl,
			      struct folio *folio, struct raext_decision *d)
{
	struct file_ra_state *ra = ractl->ra;
	struct file_ra_state copy;

	if (!d->window.size) {
		folio_clear_readahead(folio);
		return;
	}
	raext_ra_lend(ractl, &copy, d->window.size);
	copy.start = readahead_index(ractl);
	copy.size = 1;
	copy.async_size = 1;
	d->due = true;
	page_cache_async_ra(ractl, folio, 1);
	if (d->due)
		raext_read_window(ractl, d);
	raext_ra_return(ractl, ra);
}

static void raext_async_decided(struct readahead_control *ractl,
				struct folio *folio, unsigned long req_pages,
				struct raext_decision *d)
{
	struct file_ra_state *ra = ractl->ra;
	struct file_ra_state copy;

	raext_decide(d);
	if (d->verdict == RAEXT_TAKEN) {
		raext_async_taken(ractl, folio, d);
	} else if (d->limit == 0) {
		/* Nothing to read, and no need to be asked again. */
		folio_clear_readahead(folio);
	} else {
		if (d->limit > 0 && (d->flags & BPF_FS_RA_MMAP))
			req_pages = d->limit;
		raext_ra_lend(ractl, &copy, d->limit);
		page_cache_async_ra(ractl, folio, req_pages);
		raext_ra_return(ractl, ra);
	}
	/* The folio is referenced, not locked: ranges can be read here. */
	raext_read_ranges(d);
}

/**
 * raext_page_cache_async_ra - in the place of page_cache_async_ra()
 * @ractl: as there
 * @folio: as there
 * @req_pages: as there
 */
void raext_page_cache_async_ra(struct readahead_control *ractl,
			       struct folio *folio, unsigned long req_pages)
{
	struct raext_decision own, *d;
	int idx = srcu_read_lock(&raext_srcu);

	d = raext_underway_find(ractl->mapping);
	if (folio_test_writeback(folio)) {
		/* The mark's bit means something else then: no event. */
		page_cache_async_ra(ractl, folio, req_pages);
	} else if (d && !d->decided) {
		/* The fault that foresaw this mark. */
		d->due = false;
		raext_async_decided(ractl, folio, req_pages, d);
	} else {
		raext_decision_of_read(&own, ractl, req_pages, BPF_FS_RA_MARK);
		/* A fault whose page came with a mark on it. */
		if (d)
			own.flags |= d->flags & ~(BPF_FS_RA_MISS |
						  BPF_FS_RA_FAULT);
		raext_decision_begin(&own);
		raext_async_decided(ractl, folio, req_pages, &own);
		raext_decision_end(&own);
	}
	srcu_read_unlock(&raext_srcu, idx);
}

/* The fault path */

/**
 * raext_fault_event - the event of a fault
 * @vmf: the fault
 *
 * Return: an event bit of &enum bpf_fs_readahead_flags, or 0 if its page is
 * cached and not marked
 */
u32 raext_fault_event(const struct vm_fault *vmf)
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
		.file = get_file(file),
		.ra = &file->f_ra,
		.index = vmf->pgoff,
		.req_pages = 1,
		.flags = event | BPF_FS_RA_MMAP,
		/* A huge page has its own window: the limit does not apply. */
		.due = !(vm_flags & VM_HUGEPAGE),
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

/* MMAP_LOTSAMISS of mm/filemap.c. */
#define RAEXT_LOTS_OF_MISSES 100

/*
 * Whether do_sync_mmap_readahead() is going to compute a window, as far as can
 * be told beforehand.
 */
static bool raext_fault_has_window(const struct raext_decision *d)
{
	if (!d->ra->ra_pages ||
	    (d->flags & (BPF_FS_RA_RANDOM | BPF_FS_RA_HUGEPAGE)))
		return false;
	return (d->flags & BPF_FS_RA_SEQUENTIAL) ||
	       READ_ONCE(d->ra->mmap_miss) < RAEXT_LOTS_OF_MISSES;
}

/*
 * Read the policy's pages where the kernel would not: filemap_fault() then
 * finds the page. The I/O is submitted, not awaited, under the lock of the
 * fault.
 *
 * A window is left to the kernel where it computes one, since it drops that
 * lock and counts a major fault; unless ranges are to follow the window: those
 * must be submitted before filemap_fault() waits for the page.
 */
static void raext_fault_read(struct raext_decision *d)
{
	bool takes = d->verdict == RAEXT_TAKEN && d->window.size;
	DEFINE_READAHEAD(ractl, d->file, d->ra, d->mapping, d->index);
	struct file_ra_state copy;

	if (takes && (d->queue || !raext_fault_has_window(d))) {
		raext_ra_lend(&ractl, &copy, -1);
		raext_read_window(&ractl, d);
		raext_ra_return(&ractl, d->ra);
	} else if (d->verdict == RAEXT_TAKEN) {
		d->due = true;
	} else if (d->limit > 0 && !d->ra->ra_pages &&
		   !(d->flags & (BPF_FS_RA_RANDOM | BPF_FS_RA_HUGEPAGE))) {
		raext_ra_lend(&ractl, &copy, d->limit);
		raext_decide_window(d, &ractl);
		raext_read_pages(&ractl, copy.size,
				 min(copy.async_size, copy.size));
		raext_ra_return(&ractl, d->ra);
	}
	raext_read_ranges(d);
}

/**
 * raext_filemap_fault - in the place of filemap_fault()
 * @vmf: as there
 *
 * Return: as there
 */
vm_fault_t raext_filemap_fault(struct vm_fault *vmf)
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
			raext_decide(&d);
			raext_fault_read(&d);
		}
	}
	/* From here on the lock may be dropped, and vmf->vma be gone. */
	ret = filemap_fault(vmf);
	if (event) {
		/*
		 * Ranges that get_ra asked for. Without a retry the folio is
		 * locked, and they come too late.
		 */
		if (ret & VM_FAULT_RETRY)
			raext_read_ranges(&d);
		raext_decision_end(&d);
		fput(d.file);
	}
	srcu_read_unlock(&raext_srcu, idx);
	return ret;
}

/**
 * raext_wrap_wait - wait until no task is inside of a wrapper
 *
 * To be called with the hooks disarmed. A task that ftrace sent to a wrapper
 * may have been preempted before it entered the SRCU section or after it left
 * it: both are short of a voluntary sleep, which synchronize_rcu_tasks()
 * waits for.
 */
void raext_wrap_wait(void)
{
	synchronize_rcu_tasks();
	synchronize_srcu(&raext_srcu);
	synchronize_rcu_tasks();
}
