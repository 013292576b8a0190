// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrapper of the wait for a device: how long a task sleeps for the page of its
 * miss. The hook redirects only a task that is expected to wait (core/wait.c).
 */

#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/debug.h>

#include "../core/wait.h"
#include "shim.h"

/**
 * raext_expect_wait - the task goes on to wait for its page, if that is in flight
 * @c: the decision
 */
void raext_expect_wait(const struct raext_ctx *c)
{
	struct folio *folio;

	if (!(c->wants & BPF_FS_RA_WANT_WAITS))
		return;
	/* An older wait that did not come about is forgotten. */
	raext_wait_expect(NULL);
	if (!(c->may & RAEXT_MAY_WAIT))
		return;
	rcu_read_lock();
	folio = xa_load(&c->mapping->i_pages, c->index);
	if (folio && !xa_is_value(folio) && raext_folio_may_be_in_flight(folio))
		raext_wait_expect(c->file);
	rcu_read_unlock();
}

/**
 * raext_io_schedule - in the place of io_schedule()
 *
 * The task's state is set, and it may be woken already: nothing here may sleep
 * but the original.
 */
void __sched raext_io_schedule(void)
{
	int idx = srcu_read_lock(&raext_srcu);
	u32 tag = raext_wait_begin();
	u64 before = local_clock();

	io_schedule();
	raext_wait_end(tag, local_clock() - before);
	srcu_read_unlock(&raext_srcu, idx);
}
