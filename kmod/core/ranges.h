/* SPDX-License-Identifier: GPL-2.0-only */
/* ranges.c: what a policy asked for beside the window. */
#ifndef RAEXT_RANGES_H
#define RAEXT_RANGES_H

#include "ctx.h"

int raext_range_add(struct raext_ctx *c, u64 index, u32 nr, u32 flags);
void raext_ranges_prepare(struct raext_ctx *c);
void raext_ranges_drop(struct raext_ctx *c, enum raext_counter why);
u32 raext_absent(struct address_space *mapping, pgoff_t index, u32 nr);
u32 raext_inflight_pages(struct address_space *mapping);

#endif /* RAEXT_RANGES_H */
