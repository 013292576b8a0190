// SPDX-License-Identifier: GPL-2.0-only
/*
 * readahead_ext: readahead decided by a BPF program.
 *
 * Loading the module registers a struct_ops type and hooks nothing; the hooks
 * live from the first attached policy to the last (see core/scope.c).
 */

#include <linux/module.h>
#include <linux/rcupdate.h>

#include "shim.h"

static int __init raext_module_init(void)
{
	int err = raext_ftrace_init();

	if (err)
		return err;
	err = raext_kfuncs_register();
	if (!err)
		err = raext_ops_register();
	if (err) {
		pr_err("the kernel took no struct_ops type or kfunc (%d): was the module built with BTF, for this kernel?\n",
		       err);
		raext_ftrace_exit();
		return err;
	}
	raext_debugfs_create();
	return 0;
}

static void __exit raext_module_exit(void)
{
	/* Each attached policy holds the module: none is left here. */
	raext_debugfs_remove();
	raext_ftrace_exit();
	/* Policies: their last reference goes by RCU, and they by RCU again. */
	rcu_barrier();
	rcu_barrier();
}

module_init(raext_module_init);
module_exit(raext_module_exit);

MODULE_DESCRIPTION("Readahead decided by a BPF program");
MODULE_LICENSE("GPL");
