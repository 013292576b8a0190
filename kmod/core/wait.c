// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of an open file description: a number that says nothing else, and
 * how long its last miss waited for the device.
 *
 *	a miss left its page in flight ----> raext_wait_expect(file)
 *	the task goes to sleep for I/O ----> raext_wait_begin()
 *	it goes on ------------------------> raext_wait_end()
 *	the next decision -----------------> raext_waited(file)
 *
 * The two tables have a word a place, and a later user takes the place. A word
 * holds half of a hash, so that another task or file is most unlikely to be taken
 * for its own; no pointer is kept.
 */

#include <linux/hash.h>
#include <linux/random.h>
#include <linux/once.h>
#include <linux/sched.h>

#include "wait.h"

#define RAEXT_WAIT_BITS	8

/* Of a task: the tag of it, and of the file whose page it waits for. */
static u64 raext_expected[1 << RAEXT_WAIT_BITS];

/* Of a file: its tag, and how long it waited, in units of 1,024 ns. */
static u64 raext_waits[1 << RAEXT_WAIT_BITS];

#define RAEXT_WAIT_SHIFT 10

/**
 * raext_file_id - a number for an open file description
 * @file: the file, or NULL
 *
 * One file, one number: each step can be undone, with the keys.
 *
 * Return: the number; 0 without a file
 */
u64 raext_file_id(const struct file *file)
{
	static u64 keys[3] __read_mostly;
	u64 id = (unsigned long)file;

	if (!file)
		return 0;
	get_random_once(keys, sizeof(keys));
	id = (id ^ keys[0]) * (keys[1] | 1);
	id ^= id >> 32;
	return id * (keys[2] | 1);
}

/* Never 0, which stands for none. */
static u32 raext_tag(const void *pointer)
{
	return hash_ptr(pointer, 32) | 1;
}

static u64 *raext_wait_slot(u64 *table, u32 tag)
{
	return &table[hash_32(tag, RAEXT_WAIT_BITS)];
}

/**
 * raext_waited - how long an application waited at its last miss of a file
 * @file: the open file description, or NULL
 *
 * Return: ns, 0 if nothing is known
 */
u64 raext_waited(const struct file *file)
{
	u32 tag = raext_tag(file);
	u64 word = READ_ONCE(*raext_wait_slot(raext_waits, tag));

	return file && word >> 32 == tag ? (word & U32_MAX) << RAEXT_WAIT_SHIFT :
					   0;
}

/**
 * raext_wait_expect - this task is about to wait for a page of a file
 * @file: the file; NULL if it waits no longer
 */
void raext_wait_expect(const struct file *file)
{
	u32 task = raext_tag(current);
	u64 *slot = raext_wait_slot(raext_expected, task);

	if (file)
		WRITE_ONCE(*slot, (u64)task << 32 | raext_tag(file));
	else if (READ_ONCE(*slot) >> 32 == task)
		WRITE_ONCE(*slot, 0);
}

/**
 * raext_wait_expected - whether this task is expected to wait
 *
 * Return: true if it is
 */
bool raext_wait_expected(void)
{
	u32 task = raext_tag(current);

	return READ_ONCE(*raext_wait_slot(raext_expected, task)) >> 32 == task;
}

/**
 * raext_wait_begin - the wait begins
 *
 * Return: for raext_wait_end(); 0 if this task is not expected to wait
 */
u32 raext_wait_begin(void)
{
	u32 task = raext_tag(current);
	u64 *slot = raext_wait_slot(raext_expected, task);
	u64 word = READ_ONCE(*slot);

	if (word >> 32 != task)
		return 0;
	WRITE_ONCE(*slot, 0);
	return (u32)word;
}

/**
 * raext_wait_end - the wait is over
 * @tag: of raext_wait_begin()
 * @ns: how long it took
 */
void raext_wait_end(u32 tag, u64 ns)
{
	u64 units = min_t(u64, (ns >> RAEXT_WAIT_SHIFT) + 1, U32_MAX);

	if (tag)
		WRITE_ONCE(*raext_wait_slot(raext_waits, tag),
			   (u64)tag << 32 | units);
}
