/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core asks of its home: shim/env.c beside a stock kernel, a few
 * static inlines in mm/. raext_get_folio() and KF_TRUSTED_ARGS differ between
 * kernels: shim/compat.h, which Kbuild includes in front of every file.
 */
#ifndef RAEXT_ENV_H
#define RAEXT_ENV_H

#include "ctx.h"

/**
 * raext_env_read - have the kernel read pages
 * @c: the decision
 * @w: the pages, inside of the file; the tail's first page is marked
 *
 * Pages that are @speculative are read as a tail, whether or not there is a mark:
 * a file system may leave them out then (FUSE, where the server is behind).
 *
 * Reads in portions, the way the kernel reads windows: in the folios that it
 * finds right, not for a congested block cgroup. Ends early for a task that is
 * about to die.
 *
 * Context: may sleep; no folio of the file is locked by the caller.
 *
 * Return: 0, -EAGAIN for congestion, -EINTR for a task that is about to die
 */
int raext_env_read(struct raext_ctx *c, struct raext_window w);

/* Begin and end to call raext_begin() and the rest. Arming can fail. */
int raext_env_arm(void);
void raext_env_disarm(void);

/* Begin and end to time waits (wait.h). Beginning can fail. */
int raext_env_time_waits(void);
void raext_env_untime_waits(void);

/* Begin and end to tell the guard of pages (guard.h). Beginning can fail. */
int raext_env_watch(void);
void raext_env_unwatch(void);

#endif /* RAEXT_ENV_H */
