// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: readahead_ext/policies, a table of the attached policies and their
 * counters. The module works without debugfs.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "raext.h"

static struct dentry *raext_dir;

static int policies_show(struct seq_file *seq, void *unused)
{
	raext_policies_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(policies);

void raext_stats_create(void)
{
	raext_dir = debugfs_create_dir("readahead_ext", NULL);
	debugfs_create_file("policies", 0444, raext_dir, NULL, &policies_fops);
}

void raext_stats_remove(void)
{
	debugfs_remove_recursive(raext_dir);
}
