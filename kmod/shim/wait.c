// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrapper of the wait for a device: how long a task sleeps for the page of its
 * miss. The hook redirects only a task that is expected to wait (core/wait.c).
 */

#include <linux/sched.h>
#include <linux/timex.h>

#include "../core/wait.h"
#include "shim.h"

/**
 * raext_expect_wait - the task goes on to wait for its page, if that is in flight
 * @c: the decision
 */
void raext_expect_wait(const struct raext_ctx *c)
{
	struct folio *folio;

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
void raext_io_schedule(void)
{
	int idx = srcu_read_lock(&raext_srcu);
	u32 tag = raext_wait_begin();
	u64 before = get_cycles();

	io_schedule();
	raext_wait_end(tag, raext_env_ns(get_cycles() - before));
	srcu_read_unlock(&raext_srcu, idx);
}
