// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrapper of the fault path.
 *
 * What a policy decided for a fault is read as the kernel reads: after the lock of
 * the fault was dropped, and then the fault is taken anew (VM_FAULT_RETRY). The
 * page is in the cache by then, and the kernel waits for it. A mapping can be
 * changed meanwhile, by the very task that answers the read, say (FUSE).
 *
 *	fault, page absent
 *	  decide, get_max_ra
 *	  pages of the policy's own?  no --> filemap_fault(), with its answer
 *	      | yes
 *	  drop the lock
 *	  read: window, the page itself, ranges
 *	  VM_FAULT_RETRY ------------------> filemap_fault() waits for the page
 *
 * Where the caller does not let the lock be dropped, no range is read, and the
 * window is left to the kernel.
 */

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

#include "../core/ranges.h"
#include "../core/wait.h"
#include "shim.h"

/**
 * raext_fault_event - the event of a fault
 * @vmf: the fault
 *
 * Return: an event bit of &enum bpf_fs_readahead_flags, or 0 if its page is
 * cached and not marked, or was decided about before
 */
u32 raext_fault_event(const struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	struct folio *folio;
	u32 event = 0;

	/* Taken again: it was decided about before. */
	if (vmf->flags & FAULT_FLAG_TRIED)
		return 0;
	rcu_read_lock();
	folio = xa_load(&mapping->i_pages, vmf->pgoff);
	if (!folio || xa_is_value(folio)) {
		if (vmf->pgoff < raext_file_pages(mapping))
			event = BPF_FS_RA_FAULT;
	} else if (raext_folio_may_be_marked(folio)) {
		event = BPF_FS_RA_MARK;
	}
	rcu_read_unlock();
	return event;
}

/* As maybe_unlock_mmap_for_io(). */
static bool raext_fault_may_unlock(const struct vm_fault *vmf)
{
	return fault_flag_allow_retry_first(vmf->flags) &&
	       !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT);
}

static void raext_fault_begin(struct raext_call *call,
			      const struct vm_fault *vmf, u32 event)
{
	struct vm_area_struct *vma = vmf->vma;
	struct file *file = vma->vm_file;
	struct raext_ctx *c = &call->ctx;
	vm_flags_t vm_flags = vma->vm_flags;

	*call = (struct raext_call) {
		.ctx = {
			.mapping = file->f_mapping,
			.file = file,
			.ra = &file->f_ra,
			.index = vmf->pgoff,
			.req_pages = 1,
			.map_first = vma->vm_pgoff,
			.map_last = vma->vm_pgoff + vma_pages(vma) - 1,
			.flags = event | BPF_FS_RA_MMAP,
		},
		.fault = true,
		.locked = !raext_fault_may_unlock(vmf),
		.exec = vm_flags & VM_EXEC,
		.huge = raext_reads_huge(vm_flags, file->f_mapping),
	};
	if (vm_flags & VM_RAND_READ)
		c->flags |= BPF_FS_RA_RANDOM;
	if (vm_flags & VM_SEQ_READ)
		c->flags |= BPF_FS_RA_SEQUENTIAL;
	if (vm_flags & VM_HUGEPAGE)
		c->flags |= BPF_FS_RA_HUGEPAGE;
	if (vm_flags & VM_EXEC)
		c->flags |= BPF_FS_RA_EXEC;
	if (vmf->flags & FAULT_FLAG_WRITE)
		c->flags |= BPF_FS_RA_WRITE_FAULT;
	raext_begin(c);
	if (!c->policy)
		return;
	get_file(file);
	raext_call_begin(call);
}

static void raext_fault_end(struct raext_call *call)
{
	raext_call_end(call);
	raext_end(&call->ctx);
	fput(call->ctx.file);
}

/* A limit where the kernel computes no window: the file's own limit is 0. */
static bool raext_fault_is_opened(struct raext_ctx *c)
{
	return c->limit > 0 && !c->ra->ra_pages &&
	       !(c->flags & BPF_FS_RA_RANDOM) && !raext_call_of(c)->huge;
}

/* Whether the policy decided about pages that the kernel would not read. */
static bool raext_fault_reads(struct raext_ctx *c)
{
	if (c->verdict == RAEXT_TAKEN)
		return c->window.size || c->nr_ranges;
	if (c->limit == 0)
		return c->nr_ranges;
	/* Where the kernel reads a window, ranges follow it: see below. */
	return raext_fault_is_opened(c);
}

/* Without the lock: vmf->vma may be gone. */
static vm_fault_t raext_fault_read(struct raext_call *call)
{
	struct raext_ctx *c = &call->ctx;
	struct raext_window page = { .start = c->index, .size = 1 };

	c->may = RAEXT_MAY_SLEEP | RAEXT_MAY_WAIT;
	if (raext_fault_is_opened(c))
		raext_env_open_window(call);
	else
		raext_env_read_window(call);
	/* The page that is needed goes before all that may be needed. */
	if (raext_absent(c->mapping, c->index, 1))
		raext_env_read(c, page);
	raext_ranges(c);
	raext_expect_wait(c);
	count_vm_event(PGMAJFAULT);
	return VM_FAULT_RETRY | VM_FAULT_MAJOR;
}

static vm_fault_t raext_fault_decided(struct raext_call *call,
				      struct vm_fault *vmf)
{
	struct raext_ctx *c = &call->ctx;
	vm_fault_t ret;

	/*
	 * In an mlocked mapping the kernel first looks whether the page is there
	 * after all (filemap_fault_recheck_pte_none()).
	 */
	if (!call->locked && !(vmf->vma->vm_flags & VM_LOCKED) &&
	    raext_fault_reads(c)) {
		release_fault_lock(vmf);
		return raext_fault_read(call);
	}
	call->left = true;
	if (c->flags & BPF_FS_RA_FAULT && c->wants & BPF_FS_RA_WANT_WAITS)
		raext_wait_expect(c->file);
	ret = filemap_fault(vmf);
	if (c->wants & BPF_FS_RA_WANT_WAITS)
		raext_wait_expect(NULL);
	/* Ranges beside a window of the kernel's, which has dropped the lock. */
	if (!call->locked && (ret & VM_FAULT_RETRY)) {
		c->may = RAEXT_MAY_SLEEP | RAEXT_MAY_WAIT;
		raext_ranges(c);
	}
	return ret;
}

static vm_fault_t raext_fault(struct vm_fault *vmf, u32 event)
{
	int idx = srcu_read_lock(&raext_srcu);
	struct raext_call call;
	vm_fault_t ret;

	raext_fault_begin(&call, vmf, event);
	if (!call.ctx.policy) {
		ret = filemap_fault(vmf);
	} else {
		/* A mark is decided when the kernel gets to it. */
		if (event == BPF_FS_RA_FAULT)
			raext_ask(&call.ctx);
		ret = raext_fault_decided(&call, vmf);
		raext_fault_end(&call);
	}
	srcu_read_unlock(&raext_srcu, idx);
	return ret;
}

/**
 * raext_fault_absent - in the place of filemap_fault(), the page is absent
 * @vmf: as there
 *
 * Return: as there
 */
vm_fault_t raext_fault_absent(struct vm_fault *vmf)
{
	return raext_fault(vmf, BPF_FS_RA_FAULT);
}

/**
 * raext_fault_marked - in the place of filemap_fault(), the page has a mark
 * @vmf: as there
 *
 * Return: as there
 */
vm_fault_t raext_fault_marked(struct vm_fault *vmf)
{
	return raext_fault(vmf, BPF_FS_RA_MARK);
}
