// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks into the kernel.
 *
 *   read(), a page is absent ------> page_cache_sync_ra() ---.
 *   read(), the marked page -------> page_cache_async_ra() --+
 *                                       ^                    |
 *   fault, the marked page ---------.   | (MADV_SEQUENTIAL,  |
 *                                   |   |  or the mark)      |
 *   fault, a page is absent -----> filemap_fault() --------. |
 *                                                          v v
 *                                              page_cache_ra_order() -> I/O
 *
 * The first three functions are wrapped. ftrace sends their callers to a
 * wrapper of wrap.c (IPMODIFY, as livepatch does). The wrapper asks the policy
 * and calls the original. A call from this module passes unwrapped. The
 * wrapper of the read path gives the original a private copy of the file's
 * readahead state, so that the limit holds for this call alone, and copies the
 * window back.
 *
 * Every window that the kernel computes passes through page_cache_ra_order().
 * Tail jumps reach it from functions that our wrappers called: its caller
 * seems to be this module, and a wrapper would let the call pass. The function
 * is not exported either: a wrapper cannot call it where IBT has sealed its
 * ENDBR. Hence the ftrace callback itself changes the window in memory before
 * the function runs.
 *
 * The hook finds the wrapper's decision by task and mapping: a wrapper keeps
 * its decision in a table (underway.c) while it calls the original.
 */

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <asm/ibt.h>

#include "raext.h"

/* ftrace's trampoline returns to the wrapper: no indirect call is made. */
static __always_inline void raext_redirect(struct ftrace_regs *fregs,
					   void *wrapper)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)wrapper);
}

/* ftrace's call site is the first instruction behind a function's ENDBR. */
static bool raext_is_entry(unsigned long ip, const void *function)
{
	return ip - (unsigned long)function <= ENDBR_INSN_SIZE;
}

static void notrace raext_hook_wrap(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *op,
				    struct ftrace_regs *fregs)
{
	void *arg = (void *)ftrace_regs_get_argument(fregs, 0);
	bool fault = raext_is_entry(ip, filemap_fault);

	/* A cached page costs this look and no more. */
	if (fault && !raext_fault_event(arg))
		return;
	if (within_module(parent_ip, THIS_MODULE))
		return;
	if (fault)
		raext_redirect(fregs, raext_filemap_fault);
	else if (raext_is_entry(ip, page_cache_sync_ra))
		raext_redirect(fregs, raext_page_cache_sync_ra);
	else
		raext_redirect(fregs, raext_page_cache_async_ra);
}

static void notrace raext_hook_window(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *op,
				      struct ftrace_regs *fregs)
{
	struct readahead_control *ractl =
		(void *)ftrace_regs_get_argument(fregs, 0);
	struct raext_decision *d = raext_underway_find(ractl->mapping);

	if (d)
		raext_decide_window(d, ractl);
}

/*
 * PERMANENT: kernel.ftrace_enabled=0 must not cut off an attached policy; while
 * it is 0, arming fails instead.
 */
static struct ftrace_ops raext_window_ops = {
	.func = raext_hook_window,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

/* One for all three, since each ftrace_ops costs a grace period to disarm. */
static struct ftrace_ops raext_wrap_ops = {
	.func = raext_hook_wrap,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

/*
 * A filter by name compares the names of all traceable functions of the kernel,
 * some 50,000. Hence a function that is exported is given by its address.
 */
static const struct raext_hook {
	char *function;
	const void *address;
	struct ftrace_ops *ops;
} raext_hooks[] = {
	{ "page_cache_ra_order", NULL, &raext_window_ops },
	{ "page_cache_sync_ra", page_cache_sync_ra, &raext_wrap_ops },
	{ "page_cache_async_ra", page_cache_async_ra, &raext_wrap_ops },
	{ "filemap_fault", filemap_fault, &raext_wrap_ops },
};

static int raext_hook_filter(const struct raext_hook *hook)
{
	if (hook->address)
		return ftrace_set_filter_ip(hook->ops,
					    (unsigned long)hook->address, 0, 0);
	return ftrace_set_filter(hook->ops, hook->function,
				 strlen(hook->function), 0);
}

static int raext_ops_arm(struct ftrace_ops *ops)
{
	int err = register_ftrace_function(ops);

	if (err)
		pr_err("readahead_ext: cannot hook the readahead functions (%d)%s\n",
		       err, err == -EBUSY ?
		       ": a livepatch holds one, or kernel.ftrace_enabled is 0" :
		       "");
	return err;
}

/**
 * raext_hooks_arm - arm the hooks
 *
 * Return: 0 with all hooks armed, or an error with none
 */
int raext_hooks_arm(void)
{
	/* A window is only asked for inside of a wrapper: the wrappers last. */
	int err = raext_ops_arm(&raext_window_ops);

	if (err)
		return err;
	err = raext_ops_arm(&raext_wrap_ops);
	if (err)
		unregister_ftrace_function(&raext_window_ops);
	return err;
}

/**
 * raext_hooks_disarm - disarm the hooks
 *
 * No call enters a wrapper any more. The calls inside finish on their own.
 */
void raext_hooks_disarm(void)
{
	unregister_ftrace_function(&raext_wrap_ops);
	unregister_ftrace_function(&raext_window_ops);
}

/*
 * The filters live as long as the module: ftrace_free_filter() leaves the ops
 * with pointers to what it freed, after which they cannot be armed again.
 */
static void raext_hooks_free(void)
{
	ftrace_free_filter(&raext_wrap_ops);
	ftrace_free_filter(&raext_window_ops);
}

/**
 * raext_hooks_init - find the functions to hook, without hooking them
 *
 * Return: 0, or an error if this kernel has one of them not traceable
 */
int raext_hooks_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_hooks); i++) {
		const struct raext_hook *hook = &raext_hooks[i];
		int err = raext_hook_filter(hook);

		if (err) {
			pr_err("readahead_ext: this kernel has no traceable %s (%d)\n",
			       hook->function, err);
			raext_hooks_free();
			return err;
		}
	}
	return 0;
}

/**
 * raext_hooks_exit - wait until no task runs in this module
 *
 * To be called with the hooks disarmed.
 */
void raext_hooks_exit(void)
{
	raext_wrap_wait();
	raext_hooks_free();
}
