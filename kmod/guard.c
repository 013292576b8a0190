// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard of a policy: not there yet.
 */

#include <linux/seq_file.h>

#include "raext.h"
#include "policy.h"

int raext_guard_start(struct raext_policy *policy, u32 percent)
{
	return percent ? -EOPNOTSUPP : 0;
}

int raext_guard_restart(struct raext_policy *policy, u32 percent)
{
	return percent ? -EOPNOTSUPP : 0;
}

void raext_guard_stop(struct raext_policy *policy)
{
}

void raext_guard_show(struct seq_file *seq, const struct raext_policy *policy)
{
	seq_printf(seq, " %u %lld %lld %u", policy->guard.percent,
		   atomic64_read(&policy->guard.used),
		   atomic64_read(&policy->guard.unused),
		   policy->guard.tripped);
}
