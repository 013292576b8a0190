// SPDX-License-Identifier: GPL-2.0-only
/*
 * The self-test: whether the hooks meet the kernel where they were made to. It
 * runs when the hooks are armed, on a file of this module's own whose pages are
 * filled with zeros:
 *
 *	read page 0 --> the wrapper of a miss --> steered --> pages 0 to 7 come
 *	read page 4 --> the wrapper of a mark --> steered --> pages 8 to 15 come
 *
 * A kernel whose compiler inlined or cloned a function, or that computes windows
 * elsewhere, fails here. Without the test, windows would silently be others.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>

#include "shim.h"

#define RAEXT_TEST_PAGES	64
#define RAEXT_TEST_WINDOW	8
#define RAEXT_TEST_TAIL		4

/**
 * struct raext_test - a run of the self-test
 *
 * @mapping: of its file; the wrappers know it by that
 * @err: of a read, 0 for none
 * @misses: how often the wrapper of a miss was entered
 * @marks: likewise, of a mark
 * @reads: how often the file was asked to read
 * @index: first page of the last time
 * @nr: pages of the last time
 */
static struct raext_test {
	const struct address_space *mapping;
	int err;
	u32 misses;
	u32 marks;
	u32 reads;
	pgoff_t index;
	u32 nr;
} raext_test;

static void raext_test_fill(struct folio *folio)
{
	folio_zero_segment(folio, 0, folio_size(folio));
	folio_end_read(folio, true);
}

static void raext_test_readahead(struct readahead_control *ractl)
{
	struct folio *folio;

	raext_test.reads++;
	raext_test.index = readahead_index(ractl);
	raext_test.nr = readahead_count(ractl);
	while ((folio = readahead_folio(ractl)))
		raext_test_fill(folio);
}

/* Without readahead: a page alone. */
static int raext_test_read_folio(struct file *file, struct folio *folio)
{
	raext_test_fill(folio);
	return 0;
}

static const struct address_space_operations raext_test_aops = {
	.readahead = raext_test_readahead,
	.read_folio = raext_test_read_folio,
};

/* No owner: the file does not outlive the functions here. */
static const struct file_operations raext_test_fops = {
	.read_iter = generic_file_read_iter,
};

/**
 * raext_selftest_has - whether a file is the self-test's
 * @mapping: the file's page cache
 *
 * Return: true if it is
 */
bool raext_selftest_has(const struct address_space *mapping)
{
	return unlikely(mapping == READ_ONCE(raext_test.mapping));
}

/**
 * raext_selftest_read - a wrapper was entered for the self-test's file
 * @ractl: as in the wrapper
 * @folio: the marked folio, or NULL for a miss
 */
void raext_selftest_read(struct readahead_control *ractl, struct folio *folio)
{
	struct raext_window w = {
		.start = folio ? RAEXT_TEST_WINDOW : 0,
		.size = RAEXT_TEST_WINDOW,
		.async_size = folio ? 0 : RAEXT_TEST_TAIL,
	};
	struct raext_call call = {
		.ctx = {
			.mapping = ractl->mapping,
			.file = ractl->file,
			.ra = ractl->ra,
		},
		.folio = folio,
	};

	if (folio)
		raext_test.marks++;
	else
		raext_test.misses++;
	raext_call_begin(&call);
	raext_test.err = raext_env_read(&call.ctx, w) ?: raext_test.err;
	raext_call_end(&call);
}

static int raext_test_read_page(struct file *file, pgoff_t index)
{
	loff_t pos = (loff_t)index << PAGE_SHIFT;
	char byte = 1;
	ssize_t got = kernel_read(file, &byte, 1, &pos);

	if (got < 0)
		return got;
	return got == 1 && !byte ? 0 : -EIO;
}

/* What was read last: these pages, at one go. */
static bool raext_test_was(u32 reads, pgoff_t index)
{
	return raext_test.reads == reads && raext_test.index == index &&
	       raext_test.nr == RAEXT_TEST_WINDOW;
}

/* What is wrong, or NULL. */
static const char *raext_test_run(struct file *file)
{
	if (raext_test_read_page(file, 0))
		return "a file cannot be read";
	if (raext_test.misses != 1)
		return "page_cache_sync_ra() is not called for a page that is absent";
	if (!raext_test_was(1, 0))
		return "page_cache_ra_order() does not read the window after a miss";
	if (raext_test_read_page(file, RAEXT_TEST_WINDOW - RAEXT_TEST_TAIL))
		return "a file cannot be read";
	if (raext_test.marks != 1)
		return "page_cache_async_ra() is not called for a marked page";
	if (!raext_test_was(2, RAEXT_TEST_WINDOW))
		return "page_cache_ra_order() does not read the window after a mark";
	return NULL;
}

/*
 * An anonymous file with an inode of its own. A file system of this module's own
 * would not do: a walk over the list of super blocks may hold a reference to it
 * when the module is gone.
 */
static struct file *raext_test_open(void)
{
	struct file *file = anon_inode_create_getfile(RAEXT_NAME,
						      &raext_test_fops, NULL,
						      O_RDONLY | O_NOATIME,
						      NULL);
	struct inode *inode;

	if (IS_ERR(file))
		return file;
	inode = file_inode(file);
	inode->i_mapping->a_ops = &raext_test_aops;
	file->f_mapping = inode->i_mapping;
	i_size_write(inode, RAEXT_TEST_PAGES * PAGE_SIZE);
	file->f_ra.ra_pages = SZ_128K / PAGE_SIZE;
	return file;
}

/**
 * raext_selftest - try the hooks, which are armed
 *
 * Called under the lock of core/scope.c: one at a time.
 *
 * Return: 0, -ENOEXEC if a function is not what this module was made for, or an
 * error where the test cannot be made: -EAGAIN in a congested block cgroup, say
 */
int raext_selftest(void)
{
	struct file *file = raext_test_open();
	const char *wrong;

	if (IS_ERR(file))
		return PTR_ERR(file);
	raext_test = (struct raext_test) { .mapping = file->f_mapping };
	wrong = raext_test_run(file);
	WRITE_ONCE(raext_test.mapping, NULL);
	__fput_sync(file);
	/* A congested cgroup, say, tells nothing about the kernel. */
	if (!wrong || raext_test.err)
		return raext_test.err;
	pr_err("this kernel is not what the module was made for: %s\n", wrong);
	return -ENOEXEC;
}
