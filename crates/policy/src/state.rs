// SPDX-License-Identifier: GPL-2.0-only
//! The facts of a decision that a policy sees.

use crate::abi::{self, bpf_fs_readahead_state};

/// The facts of a decision. All sizes and indices are in pages.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct State(pub(crate) bpf_fs_readahead_state);

/// Why the policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The page is absent, on the read path.
    Miss,
    /// The marked page was reached: there is time to read the next window.
    Mark,
    /// The page is absent, on the fault path.
    Fault,
}

/// One accessor a field. Each field is read by itself: the verifier refuses a
/// load that spans two.
macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        impl State {
            $($(#[$doc])*
            #[inline(always)]
            pub fn $field(&self) -> $type {
                // SAFETY: a reference is valid to read from; the read is
                // volatile, which keeps it as wide as the field.
                unsafe { core::ptr::read_volatile(&raw const self.0.$field) }
            })*
        }
    };
}

fields! {
    /// Inode number.
    i_ino: u64,
    /// Length of the window; in `get_max_ra`: of the file's previous one.
    size: u32,
    /// The window's asynchronous tail; likewise.
    async_size: u32,
    /// The file's own limit; 0 if it has readahead switched off.
    ra_pages: u32,
    /// Fault misses that the kernel counts for this file.
    mmap_miss: u32,
    /// Byte position of the previous read, -1 if none.
    prev_pos: i64,
    /// The page that the application needs now.
    index: u64,
    /// Pages that it asked for from there.
    req_pages: u32,
    /// First page of the window; in `get_max_ra`: of the file's previous one.
    start: u64,
    /// Length of the file.
    file_pages: u64,
    /// `s_dev` of the file system; for a block device its own number.
    dev: u32,
    /// cgroup v2 id of the task.
    cgroup_id: u64,
    /// The bits of [`abi::bpf_fs_readahead_flags`].
    flags: u32,
    /// The device's best I/O size.
    io_pages: u32,
    /// First page of the file that the faulting mapping covers; 0 for a read.
    map_first: u64,
    /// Last page of the file that the faulting mapping covers; 0 for a read.
    map_last: u64,
    /// A number for the open file description; 0 where a file system reads for itself.
    file_id: u64,
    /// How long the application waited for the device at the last miss of this open file
    /// description, in ns; 0 if nothing is known.
    waited_ns: u64,
    /// Pages of this file that policies asked for by ranges and that have not arrived.
    inflight_pages: u64,
    /// How many more pages the task may cache before reclaim begins.
    room_pages: u32,
    /// How short memory is for the task's cgroup, 0 to 10,000.
    pressure: u32,
}

impl State {
    /// Why the policy is asked.
    #[inline(always)]
    pub fn event(&self) -> Event {
        let flags = self.flags();
        if flags & abi::BPF_FS_RA_MISS != 0 {
            Event::Miss
        } else if flags & abi::BPF_FS_RA_MARK != 0 {
            Event::Mark
        } else {
            Event::Fault
        }
    }

    /// The application announced random access.
    #[inline(always)]
    pub fn is_random(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_RANDOM != 0
    }

    /// The application announced sequential access of the mapping.
    #[inline(always)]
    pub fn is_sequential(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_SEQUENTIAL != 0
    }

    /// The mapping asks for huge pages.
    #[inline(always)]
    pub fn is_hugepage(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_HUGEPAGE != 0
    }

    /// The fault is a write.
    #[inline(always)]
    pub fn is_write_fault(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_WRITE_FAULT != 0
    }

    /// The mapping is executable.
    #[inline(always)]
    pub fn is_exec(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_EXEC != 0
    }

    /// The caller asks not to keep the pages.
    #[inline(always)]
    pub fn is_dontcache(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_DONTCACHE != 0
    }

    /// The caller cannot wait: no range is read.
    #[inline(always)]
    pub fn is_nowait(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_NOWAIT != 0
    }

    /// The access came through a mapping.
    #[inline(always)]
    pub fn is_mmap(&self) -> bool {
        self.flags() & abi::BPF_FS_RA_MMAP != 0
    }
}

/// States for tests: of a file of 1 GiB that the kernel would read ahead by
/// 128 KiB, with no window yet.
impl State {
    /// A read of `req_pages` from `index` found its first page absent.
    pub const fn miss(index: u64, req_pages: u32) -> Self {
        Self::new(abi::BPF_FS_RA_MISS, index, req_pages)
    }

    /// A read of `req_pages` from `index` reached the marked page.
    pub const fn mark(index: u64, req_pages: u32) -> Self {
        Self::new(abi::BPF_FS_RA_MARK, index, req_pages)
    }

    /// A fault found the page `index` absent.
    pub const fn fault(index: u64) -> Self {
        Self::new(abi::BPF_FS_RA_FAULT | abi::BPF_FS_RA_MMAP, index, 1)
    }

    const fn new(flags: u32, index: u64, req_pages: u32) -> Self {
        Self(bpf_fs_readahead_state {
            i_ino: 1,
            size: 0,
            async_size: 0,
            ra_pages: 32,
            mmap_miss: 0,
            prev_pos: -1,
            index,
            start: 0,
            file_pages: 1 << 18,
            cgroup_id: 1,
            req_pages,
            dev: 0,
            flags,
            io_pages: 320,
            map_first: 0,
            map_last: 0,
            file_id: 1,
            waited_ns: 0,
            inflight_pages: 0,
            room_pages: u32::MAX,
            pressure: 0,
            opaque: core::ptr::null(),
        })
    }

    /// The same with a window that the kernel computed (or, for `get_max_ra`,
    /// that the file had before).
    pub const fn with_window(mut self, start: u64, size: u32, async_size: u32) -> Self {
        self.0.start = start;
        self.0.size = size;
        self.0.async_size = async_size;
        self
    }

    /// The same with a field set otherwise.
    pub fn with(mut self, set: impl FnOnce(&mut bpf_fs_readahead_state)) -> Self {
        set(&mut self.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_hints_are_told_from_the_flags() {
        assert_eq!(State::miss(0, 4).event(), Event::Miss);
        assert_eq!(State::mark(0, 4).event(), Event::Mark);
        let fault = State::fault(7).with(|s| s.flags |= abi::BPF_FS_RA_RANDOM);
        assert_eq!((fault.event(), fault.index(), fault.req_pages()), (Event::Fault, 7, 1));
        assert!(fault.is_random() && fault.is_mmap() && !fault.is_sequential());
    }

    #[test]
    fn each_hint_has_its_own_bit() {
        let hints = |bit| {
            let s = State::miss(0, 4).with(|s| s.flags |= bit);
            [s.is_random(), s.is_sequential(), s.is_hugepage(), s.is_write_fault(), s.is_mmap()]
        };
        assert_eq!(hints(abi::BPF_FS_RA_RANDOM), [true, false, false, false, false]);
        assert_eq!(hints(abi::BPF_FS_RA_SEQUENTIAL), [false, true, false, false, false]);
        assert_eq!(hints(abi::BPF_FS_RA_HUGEPAGE), [false, false, true, false, false]);
        assert_eq!(hints(abi::BPF_FS_RA_WRITE_FAULT), [false, false, false, true, false]);
        assert_eq!(hints(abi::BPF_FS_RA_MMAP), [false, false, false, false, true]);
    }
}
