// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a policy is asked, and what is made of its answers.
 *
 * Nothing that a policy returns is used as it comes: a limit or a window goes
 * through the clamps below first, and each clamp is counted. A window that a
 * policy left as the kernel computed it is not touched, not even to clamp it:
 * a policy that keeps everything changes nothing.
 */

#include <linux/backing-dev.h>
#include <linux/cgroup.h>
#include <linux/moduleparam.h>

#include "raext.h"

static unsigned int max_window_kb = 64 * 1024;
module_param(max_window_kb, uint, 0644);
MODULE_PARM_DESC(max_window_kb,
		 "hard limit of a window that a policy asks for, KiB (default 65536)");

/* The hard limit, pages: at least one, and well inside of an int. */
static u32 raext_hard_limit(void)
{
	return clamp(READ_ONCE(max_window_kb) >> (PAGE_SHIFT - 10), 1U,
		     1U << 20);
}

pgoff_t raext_file_pages(const struct address_space *mapping)
{
	return DIV_ROUND_UP_ULL(i_size_read(mapping->host), PAGE_SIZE);
}

static u64 raext_cgroup_id(void)
{
	/* Called under RCU, which keeps the task's css_set. */
	return cgroup_id(task_dfl_cgroup(current));
}

static dev_t raext_dev(const struct inode *inode)
{
	return S_ISBLK(inode->i_mode) ? inode->i_rdev : inode->i_sb->s_dev;
}

static void raext_fill_state(struct bpf_fs_readahead_state *s,
			     const struct raext_decision *d,
			     const struct file_ra_state *window)
{
	struct inode *inode = d->mapping->host;

	*s = (struct bpf_fs_readahead_state) {
		.i_ino = inode->i_ino,
		.size = window->size,
		.async_size = window->async_size,
		.ra_pages = d->ra->ra_pages,
		.mmap_miss = d->ra->mmap_miss,
		.prev_pos = d->ra->prev_pos,
		.index = d->index,
		.start = window->start,
		.file_pages = raext_file_pages(d->mapping),
		.cgroup_id = raext_cgroup_id(),
		.req_pages = min_t(unsigned long, d->req_pages, U32_MAX),
		.dev = raext_dev(inode),
		.flags = d->flags,
		.io_pages = inode_to_bdi(inode)->io_pages,
	};
}

static enum raext_counter raext_event_counter(const struct raext_decision *d)
{
	if (d->flags & BPF_FS_RA_MISS)
		return RAEXT_MISS;
	if (d->flags & BPF_FS_RA_MARK)
		return RAEXT_MARK;
	return RAEXT_FAULT;
}

static int raext_ask_limit(const struct raext_decision *d,
			   struct raext_policy *policy)
{
	const struct bpf_fs_readahead_ops *ops = raext_policy_ops(policy);
	struct bpf_fs_readahead_state s;
	int limit;

	if (!ops->get_max_ra)
		return -1;
	raext_fill_state(&s, d, d->ra);
	limit = ops->get_max_ra(&s);
	if (limit >= 0)
		raext_count(policy, RAEXT_LIMITED);
	if (limit > (int)raext_hard_limit()) {
		raext_count(policy, RAEXT_CLAMPED);
		limit = raext_hard_limit();
	}
	return limit;
}

/**
 * raext_decide_limit - ask the policy how far this decision may go
 * @d: the decision; its limit is filled in
 *
 * Asks once for each decision, and counts it. Without a policy the limit is
 * the file's own.
 */
void raext_decide_limit(struct raext_decision *d)
{
	struct raext_policy *policy;

	if (d->decided)
		return;
	d->decided = true;
	d->limit = -1;
	rcu_read_lock();
	policy = raext_policy_of(d);
	if (policy) {
		raext_count(policy, raext_event_counter(d));
		d->limit = raext_ask_limit(d, policy);
	}
	rcu_read_unlock();
}

static void raext_set_window(struct readahead_control *ractl, pgoff_t start,
			     u32 size, u32 async_size)
{
	ractl->ra->start = start;
	ractl->ra->size = size;
	ractl->ra->async_size = async_size;
	ractl->_index = start;
}

/*
 * Make the window just what the application asked for. On a mark that is
 * nothing: the page is there. The file's previous window then stays, and the
 * kernel, sent behind the file's end, finds nothing to read.
 */
static void raext_window_asked(const struct raext_decision *d,
			       struct readahead_control *ractl)
{
	u32 size;

	if (d->flags & BPF_FS_RA_MARK) {
		raext_set_window(ractl, d->ra->start, d->ra->size,
				 d->ra->async_size);
		ractl->_index = raext_file_pages(d->mapping);
		return;
	}
	size = clamp(d->req_pages, 1UL, (unsigned long)raext_hard_limit());
	raext_set_window(ractl, d->index, size, 0);
}

/*
 * The read-around of do_sync_mmap_readahead(), with the decision's limit in
 * the place of the file's ra_pages.
 */
static void raext_window_around(const struct raext_decision *d,
				struct readahead_control *ractl)
{
	pgoff_t half = d->limit / 2;

	raext_set_window(ractl, d->index > half ? d->index - half : 0,
			 d->limit, d->limit / 4);
}

static void raext_window_clamped(const struct raext_decision *d,
				 struct readahead_control *ractl,
				 struct raext_policy *policy, u64 start,
				 u32 size, u32 async_size)
{
	pgoff_t file_pages = raext_file_pages(d->mapping);
	u32 most = raext_hard_limit();
	bool clamped = false;

	if (start >= file_pages) {
		raext_count(policy, RAEXT_CLAMPED);
		raext_window_asked(d, ractl);
		return;
	}
	if (file_pages - start < most)
		most = file_pages - start;
	if (size > most) {
		size = most;
		clamped = true;
	}
	if (async_size > size) {
		async_size = size;
		clamped = true;
	}
	if (clamped)
		raext_count(policy, RAEXT_CLAMPED);
	raext_set_window(ractl, start, size, async_size);
}

static void raext_ask_window(const struct raext_decision *d,
			     struct readahead_control *ractl,
			     struct raext_policy *policy)
{
	const struct bpf_fs_readahead_ops *ops = raext_policy_ops(policy);
	const struct file_ra_state before = *ractl->ra;
	struct bpf_fs_readahead_state s;
	int size;

	raext_fill_state(&s, d, &before);
	size = ops->get_ra(&s);
	raext_count(policy, RAEXT_WINDOWS);
	if (size >= 0)
		s.size = size;
	/* A size alone shortens the tail that the kernel computed. */
	if (s.async_size == before.async_size && s.size < before.size)
		s.async_size = min(s.async_size, s.size);

	if (s.start == before.start && s.size == before.size &&
	    s.async_size == before.async_size)
		return;
	raext_count(policy, RAEXT_CHANGED);
	if (!s.size)
		raext_window_asked(d, ractl);
	else
		raext_window_clamped(d, ractl, policy, s.start, s.size,
				     s.async_size);
}

/**
 * raext_decide_window - let the policy change a window
 * @d: the decision
 * @ractl: with the window that the kernel computed in its ra; the window and
 *	the index to read from are changed in place
 *
 * Context: just before the kernel reads the window; must not sleep.
 */
void raext_decide_window(struct raext_decision *d,
			 struct readahead_control *ractl)
{
	struct raext_policy *policy;

	rcu_read_lock();
	policy = raext_policy_of(d);
	if (!policy)
		goto unlock;
	if (!d->applied) {
		d->applied = true;
		if (d->limit == 0) {
			raext_window_asked(d, ractl);
			goto unlock;
		}
		if (d->limit > 0)
			raext_window_around(d, ractl);
	}
	if (raext_policy_ops(policy)->get_ra)
		raext_ask_window(d, ractl, policy);
unlock:
	rcu_read_unlock();
}
