// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrapper of the wait for a device: how long a task sleeps for the page of its
 * miss. The hook redirects only a task that is expected to wait (core/wait.c).
 */

#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "../core/wait.h"
#include "shim.h"

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
	u64 before = ktime_get_mono_fast_ns();

	io_schedule();
	raext_wait_end(tag, ktime_get_mono_fast_ns() - before);
	srcu_read_unlock(&raext_srcu, idx);
}
