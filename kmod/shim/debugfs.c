// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files in debugfs: readahead_ext/policies has the attached policies,
 * readahead_ext/counters has the counters of each. The module works without
 * debugfs.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "shim.h"

static struct dentry *raext_dir;

static int raext_policies_file_show(struct seq_file *seq, void *unused)
{
	raext_policies_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(raext_policies_file);

static int raext_counters_file_show(struct seq_file *seq, void *unused)
{
	raext_counters_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(raext_counters_file);

void raext_debugfs_create(void)
{
	raext_dir = debugfs_create_dir(RAEXT_NAME, NULL);
	debugfs_create_file("policies", 0444, raext_dir, NULL,
			    &raext_policies_file_fops);
	debugfs_create_file("counters", 0444, raext_dir, NULL,
			    &raext_counters_file_fops);
}

void raext_debugfs_remove(void)
{
	debugfs_remove_recursive(raext_dir);
}
