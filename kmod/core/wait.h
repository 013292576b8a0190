/* SPDX-License-Identifier: GPL-2.0-only */
/* wait.c: what is known of an open file description. */
#ifndef RAEXT_WAIT_H
#define RAEXT_WAIT_H

#include <linux/types.h>

struct file;

u64 raext_file_id(const struct file *file);
u64 raext_waited(const struct file *file);

/* Told by the home. */
void raext_wait_expect(const struct file *file);
bool raext_wait_expected(void);
u32 raext_wait_begin(void);
void raext_wait_end(u32 tag, u64 ns);

#endif /* RAEXT_WAIT_H */
