/* SPDX-License-Identifier: GPL-2.0-only */
/* memory.c: how much a decision may bring into memory. */
#ifndef RAEXT_MEMORY_H
#define RAEXT_MEMORY_H

#include "ctx.h"

u32 raext_memory_share(void);
u32 raext_memory_room(void);
u32 raext_memory_pressure(void);
u32 raext_max_pages(struct raext_ctx *c);

#endif /* RAEXT_MEMORY_H */
