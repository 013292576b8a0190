/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the kernel module and a policy.
 *
 * This file is the only home of the ABI: the module and C policies include
 * it, the Rust types in crates/policy/src/abi.rs are generated from it, and
 * a test notices when the two drift apart. New fields and new members are
 * only ever appended.
 *
 * It is included after the basic types (__u32, __s64, ...) are known.
 */
#ifndef READAHEAD_EXT_ABI_H
#define READAHEAD_EXT_ABI_H

/**
 * enum bpf_fs_readahead_flags - bits of &bpf_fs_readahead_state.flags
 *
 * Exactly one of the event bits is set; the hint bits add to it.
 *
 * @BPF_FS_RA_MISS: event: the page is absent, on the read path
 * @BPF_FS_RA_MARK: event: the marked page was reached
 * @BPF_FS_RA_FAULT: event: the page is absent, on the fault path
 * @BPF_FS_RA_RANDOM: hint: random access was announced (fadvise, madvise)
 * @BPF_FS_RA_SEQUENTIAL: hint: sequential access of the mapping was announced
 * @BPF_FS_RA_HUGEPAGE: hint: the mapping asks for huge pages
 * @BPF_FS_RA_WRITE_FAULT: hint: the fault is a write
 * @BPF_FS_RA_MMAP: hint: the access came through a mapping (with MARK too)
 * @BPF_FS_RA_EXEC: hint: the mapping is executable
 * @BPF_FS_RA_DONTCACHE: hint: the caller asks not to keep the pages
 *	(RWF_DONTCACHE, Linux 6.14 and later)
 * @BPF_FS_RA_NOWAIT: hint: the caller cannot wait (RWF_NOWAIT): no range is read
 */
enum bpf_fs_readahead_flags {
	BPF_FS_RA_MISS = 1,
	BPF_FS_RA_MARK = 2,
	BPF_FS_RA_FAULT = 4,
	BPF_FS_RA_RANDOM = 256,
	BPF_FS_RA_SEQUENTIAL = 512,
	BPF_FS_RA_HUGEPAGE = 1024,
	BPF_FS_RA_WRITE_FAULT = 2048,
	BPF_FS_RA_MMAP = 4096,
	BPF_FS_RA_EXEC = 8192,
	BPF_FS_RA_DONTCACHE = 16384,
	BPF_FS_RA_NOWAIT = 32768,
};

/**
 * enum bpf_fs_readahead_prefetch_flags - bits of bpf_fs_readahead_prefetch()
 *
 * @BPF_FS_RA_PREFETCH_MARK: mark the range's first page that is read, so that
 *	the policy is asked again when the application reaches it
 */
enum bpf_fs_readahead_prefetch_flags {
	BPF_FS_RA_PREFETCH_MARK = 1,
};

/* Never defined: see @opaque below. */
struct bpf_fs_readahead_opaque;

/**
 * struct bpf_fs_readahead_state - what a policy sees of a decision
 *
 * All sizes and indices are in pages. decide() and get_ra() may write @start,
 * @size and @async_size; the verifier refuses any other write.
 *
 * @i_ino: inode number
 * @size: length of the window; before the kernel has sized one (in decide and
 *	get_max_ra): of the file's previous window
 * @async_size: the window's asynchronous tail; likewise
 * @ra_pages: the file's own limit
 * @mmap_miss: fault misses that the kernel counts for this file
 * @prev_pos: byte position of the previous read, -1 if none
 * @index: the page that the application needs now; on a fault the faulting
 *	page, exactly
 * @start: first page of the window; as @size
 * @file_pages: length of the file
 * @cgroup_id: cgroup v2 id of the task
 * @req_pages: pages that the caller asked for from @index
 * @dev: s_dev of the file system; for a block device file its own number
 * @flags: &enum bpf_fs_readahead_flags
 * @io_pages: the device's best I/O size
 * @map_first: first page of the file that the faulting mapping covers; 0 on the
 *	read path
 * @map_last: last page of the file that the faulting mapping covers; likewise
 * @file_id: the same number for all decisions of one open file description, and
 *	another for another that is open at the time; 0 where a file system reads
 *	for itself
 * @waited_ns: how long the application waited for the device at the last miss of
 *	this open file description; 0 if it did not wait, nothing is known, or the
 *	table does not want it
 * @inflight_pages: pages of this file that policies asked for by ranges and that
 *	have not arrived
 * @room_pages: how many more pages the task may cache before reclaim begins: the
 *	least of its memory cgroups and the node; 0 where it is not wanted
 * @pressure: how short memory is for the task's cgroup, 0 to 10,000: PSI, some
 *	avg10; 0 for the root cgroup, and where it is not wanted
 * @opaque: makes the state unforgeable: the verifier takes no memory of the
 *	program's own for a struct that has a pointer in it. Holds nothing.
 */
struct bpf_fs_readahead_state {
	__u64 i_ino;
	__u32 size;
	__u32 async_size;
	__u32 ra_pages;
	__u32 mmap_miss;
	__s64 prev_pos;
	__u64 index;
	__u64 start;
	__u64 file_pages;
	__u64 cgroup_id;
	__u32 req_pages;
	__u32 dev;
	__u32 flags;
	__u32 io_pages;
	__u64 map_first;
	__u64 map_last;
	__u64 file_id;
	__u64 waited_ns;
	__u64 inflight_pages;
	__u32 room_pages;
	__u32 pressure;
	struct bpf_fs_readahead_opaque *opaque;
};

#define BPF_FS_RA_NAME_LEN 16

/**
 * enum bpf_fs_readahead_wants - fields of the state that are dear to know
 *
 * @BPF_FS_RA_WANT_WAITS: waited_ns
 * @BPF_FS_RA_WANT_MEMORY: room_pages and pressure
 */
enum bpf_fs_readahead_wants {
	BPF_FS_RA_WANT_WAITS = 1,
	BPF_FS_RA_WANT_MEMORY = 2,
};

/**
 * struct bpf_fs_readahead_ops - what a policy provides
 *
 * Every callback is optional; one that is NULL means "as the kernel does".
 */
struct bpf_fs_readahead_ops {
	/**
	 * @get_max_ra: called before the kernel sizes a window: on a miss, on
	 * a mark, on a fault miss
	 *
	 * Return: n > 0: the limit in pages for this decision alone; 0: read
	 * only what was asked for; negative: the file's own limit
	 */
	int (*get_max_ra)(struct bpf_fs_readahead_state *s);

	/**
	 * @get_ra: called after a window was computed; may write @start, @size
	 * and @async_size of the state
	 *
	 * Return: n > 0: the window's size in pages; 0: read only what was
	 * asked for; negative: keep what is in the state
	 */
	int (*get_ra)(struct bpf_fs_readahead_state *s);

	/** @name: shown to people; NUL-terminated */
	char name[BPF_FS_RA_NAME_LEN];

	/**
	 * @decide: called before both, on every miss, mark and fault miss, also
	 * where the kernel would not read ahead; may write @start, @size and
	 * @async_size of the state
	 *
	 * Return: 1: the window in the state is the decision (size 0: read only
	 * what was asked for), and the other two are not called; 0: go on as
	 * usual
	 */
	int (*decide)(struct bpf_fs_readahead_state *s);

	/**
	 * @cgroup_id: scope: tasks of this cgroup (v2) and of those below it;
	 * 0 for any
	 */
	__u64 cgroup_id;

	/** @dev: scope: files of this device, numbered as in the state; 0 for any */
	__u32 dev;

	/**
	 * @guard_percent: put the kernel's own readahead back when more than
	 * this share of the pages that the policy brings in goes unused; 0 for
	 * never
	 */
	__u32 guard_percent;

	/**
	 * @wants: fields of the state that are dear to know, and 0 where they are
	 * not wanted (&enum bpf_fs_readahead_wants); raext adds those that the
	 * program reads
	 */
	__u64 wants;
};

#endif /* READAHEAD_EXT_ABI_H */
