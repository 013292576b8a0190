// SPDX-License-Identifier: GPL-2.0-only
// accepted
/*
 * A table without a callback has no effect. The verifier has nothing to refuse; the
 * module refuses to attach it.
 */
#include "readahead_ext.bpf.h"

RAEXT_POLICY(hollow) = {
	.name = "hollow",
};
