// SPDX-License-Identifier: GPL-2.0-only
// Generated from kmod/readahead_ext_abi.h by `cargo run -p xtask -- abi`.
//! The contract between the kernel module and a policy, as the module has it.

/// The type of the `BPF_FS_RA_*` bits.
#[expect(non_camel_case_types, reason = "the kernel's name")]
pub type bpf_fs_readahead_flags = u32;

/// Event: the page is absent, on the read path.
pub const BPF_FS_RA_MISS: bpf_fs_readahead_flags = 1;
/// Event: the marked page was reached.
pub const BPF_FS_RA_MARK: bpf_fs_readahead_flags = 2;
/// Event: the page is absent, on the fault path.
pub const BPF_FS_RA_FAULT: bpf_fs_readahead_flags = 4;
/// Hint: random access was announced (fadvise, madvise).
pub const BPF_FS_RA_RANDOM: bpf_fs_readahead_flags = 256;
/// Hint: sequential access of the mapping was announced.
pub const BPF_FS_RA_SEQUENTIAL: bpf_fs_readahead_flags = 512;
/// Hint: the mapping asks for huge pages.
pub const BPF_FS_RA_HUGEPAGE: bpf_fs_readahead_flags = 1024;
/// Hint: the fault is a write.
pub const BPF_FS_RA_WRITE_FAULT: bpf_fs_readahead_flags = 2048;
/// Hint: the access came through a mapping (with MARK too).
pub const BPF_FS_RA_MMAP: bpf_fs_readahead_flags = 4096;
/// Hint: the mapping is executable.
pub const BPF_FS_RA_EXEC: bpf_fs_readahead_flags = 8192;
/// Hint: the caller asks not to keep the pages (RWF_DONTCACHE, Linux 6.14 and later).
pub const BPF_FS_RA_DONTCACHE: bpf_fs_readahead_flags = 16384;
/// Hint: the caller cannot wait (RWF_NOWAIT): no range is read.
pub const BPF_FS_RA_NOWAIT: bpf_fs_readahead_flags = 32768;

/// The type of the `BPF_FS_RA_PREFETCH_*` bits.
#[expect(non_camel_case_types, reason = "the kernel's name")]
pub type bpf_fs_readahead_prefetch_flags = u32;

/// Mark the range's first page that is read, so that the policy is asked again when the application reaches it.
pub const BPF_FS_RA_PREFETCH_MARK: bpf_fs_readahead_prefetch_flags = 1;

/// The type of the `BPF_FS_RA_WANT_*` bits.
#[expect(non_camel_case_types, reason = "the kernel's name")]
pub type bpf_fs_readahead_wants = u32;

/// `waited_ns`.
pub const BPF_FS_RA_WANT_WAITS: bpf_fs_readahead_wants = 1;
/// `room_pages` and pressure.
pub const BPF_FS_RA_WANT_MEMORY: bpf_fs_readahead_wants = 2;

/// Bytes of a policy's name, with its NUL.
pub const BPF_FS_RA_NAME_LEN: usize = 16;

/// What the state points to. C never defines it, and no policy looks at it.
#[derive(Debug)]
#[repr(C)]
pub struct bpf_fs_readahead_opaque {
    _empty: [u8; 0],
}

/// A decision, as a policy sees it. Sizes and indices are in pages.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct bpf_fs_readahead_state {
    /// Inode number.
    pub i_ino: u64,
    /// Length of the window; before the kernel has sized one (in decide and get_max_ra): of the file's previous window.
    pub size: u32,
    /// The window's asynchronous tail; likewise.
    pub async_size: u32,
    /// The file's own limit.
    pub ra_pages: u32,
    /// Fault misses that the kernel counts for this file.
    pub mmap_miss: u32,
    /// Byte position of the previous read, -1 if none.
    pub prev_pos: i64,
    /// The page that the application needs now; on a fault the faulting page, exactly.
    pub index: u64,
    /// First page of the window; as size.
    pub start: u64,
    /// Length of the file.
    pub file_pages: u64,
    /// Cgroup v2 id of the task.
    pub cgroup_id: u64,
    /// Pages that the caller asked for from index.
    pub req_pages: u32,
    /// `s_dev` of the file system; for a block device file its own number.
    pub dev: u32,
    /// `bpf_fs_readahead_flags`.
    pub flags: u32,
    /// The device's best I/O size.
    pub io_pages: u32,
    /// First page of the file that the faulting mapping covers; 0 on the read path.
    pub map_first: u64,
    /// Last page of the file that the faulting mapping covers; likewise.
    pub map_last: u64,
    /// The same number for all decisions of one open file description, and another for another that is open at the time; 0 where a file system reads for itself.
    pub file_id: u64,
    /// How long the application waited for the device at the last miss of this open file description; 0 if it did not wait, nothing is known, or the table does not want it.
    pub waited_ns: u64,
    /// Pages of this file that policies asked for by ranges and that have not arrived.
    pub inflight_pages: u64,
    /// How many more pages the task may cache before reclaim begins: the least of its memory cgroups and the node; 0 where it is not wanted.
    pub room_pages: u32,
    /// How short memory is for the task's cgroup, 0 to 10,000: PSI, some avg10; 0 for the root cgroup, and where it is not wanted.
    pub pressure: u32,
    /// Makes the state unforgeable: the verifier takes no memory of the program's own for a struct that has a pointer in it. Holds nothing.
    pub opaque: *const bpf_fs_readahead_opaque,
}

const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, i_ino) == 0);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, size) == 8);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, async_size) == 12);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, ra_pages) == 16);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, mmap_miss) == 20);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, prev_pos) == 24);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, index) == 32);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, start) == 40);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, file_pages) == 48);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, cgroup_id) == 56);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, req_pages) == 64);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, dev) == 68);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, flags) == 72);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, io_pages) == 76);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, map_first) == 80);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, map_last) == 88);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, file_id) == 96);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, waited_ns) == 104);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, inflight_pages) == 112);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, room_pages) == 120);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, pressure) == 124);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_state, opaque) == 128);
const _: () = assert!(size_of::<bpf_fs_readahead_state>() == 136);

/// The table of a policy. A missing callback leaves its question to the kernel.
///
/// The kernel's view: `policy!` makes a table of the callbacks that are there,
/// since an `Option` is no pointer in BTF.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct bpf_fs_readahead_ops {
    /// Called before the kernel sizes a window: on a miss, on a mark, on a fault miss.
    ///
    /// Return: n > 0: the limit in pages for this decision alone; 0: read only what was asked for; negative: the file's own limit.
    pub get_max_ra: Option<unsafe extern "C" fn(s: *mut bpf_fs_readahead_state) -> i32>,
    /// Called after a window was computed; may write start, size and async_size of the state.
    ///
    /// Return: n > 0: the window's size in pages; 0: read only what was asked for; negative: keep what is in the state.
    pub get_ra: Option<unsafe extern "C" fn(s: *mut bpf_fs_readahead_state) -> i32>,
    /// Shown to people; NUL-terminated.
    pub name: [u8; BPF_FS_RA_NAME_LEN],
    /// Called before both, on every miss, mark and fault miss, also where the kernel would not read ahead; may write start, size and async_size of the state.
    ///
    /// Return: 1: the window in the state is the decision (size 0: read only what was asked for), and the other two are not called; 0: go on as usual.
    pub decide: Option<unsafe extern "C" fn(s: *mut bpf_fs_readahead_state) -> i32>,
    /// Scope: tasks of this cgroup (v2) and of those below it; 0 for any.
    pub cgroup_id: u64,
    /// Scope: files of this device, numbered as in the state; 0 for any.
    pub dev: u32,
    /// Put the kernel's own readahead back when more than this share of the pages that the policy brings in goes unused; 0 for never.
    pub guard_percent: u32,
    /// Fields of the state that are dear to know, and 0 where they are not wanted (bpf_fs_readahead_wants); raext adds those that the program reads.
    pub wants: u64,
}

const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, get_max_ra) == 0);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, get_ra) == 8);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, name) == 16);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, decide) == 32);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, cgroup_id) == 40);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, dev) == 48);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, guard_percent) == 52);
const _: () = assert!(core::mem::offset_of!(bpf_fs_readahead_ops, wants) == 56);
const _: () = assert!(size_of::<bpf_fs_readahead_ops>() == 64);
