// SPDX-License-Identifier: GPL-2.0-only
//! The requests that a policy can make beside its answer: the kfuncs.

use crate::State;

/// The kernel's functions, by way of shim/kfuncs.c.
#[cfg(target_arch = "bpf")]
mod kernel {
    use crate::abi::bpf_fs_readahead_state;

    unsafe extern "C" {
        pub(super) fn raext_prefetch(
            s: *mut bpf_fs_readahead_state,
            index: u64,
            nr: u32,
            flags: u32,
        ) -> i32;
        pub(super) fn raext_cached(s: *mut bpf_fs_readahead_state, index: u64, nr: u32) -> u32;
    }
}

impl State {
    /// Read `pages` from page `start` on, too: anywhere in the same file, up to
    /// 64 ranges a decision. What is cached is not read again; what lies behind
    /// the end of the file is dropped, and so is what would be too much at once.
    /// The module counts both.
    #[inline(always)]
    pub fn prefetch(&self, start: u64, pages: u32) {
        self.ask_for(start, pages, false);
    }

    /// As [`State::prefetch`], and the policy is asked again (with a mark) when
    /// the application reaches the range. Without the mark, a policy whose ranges are
    /// right is not called again: a cache hit does not call the policy.
    #[inline(always)]
    pub fn prefetch_marked(&self, start: u64, pages: u32) {
        self.ask_for(start, pages, true);
    }

    /// How many of the `pages` from page `start` on are in the page cache. On
    /// the way to the application's own machine: those that [`crate::testing`]
    /// was told of.
    #[inline(always)]
    pub fn cached(&self, start: u64, pages: u32) -> u32 {
        #[cfg(target_arch = "bpf")]
        // SAFETY: the kernel's function reads the state that it was given.
        unsafe {
            kernel::raext_cached((&raw const self.0).cast_mut(), start, pages)
        }
        #[cfg(not(target_arch = "bpf"))]
        crate::testing::count_cached(start, pages)
    }

    #[inline(always)]
    fn ask_for(&self, start: u64, pages: u32, marked: bool) {
        #[cfg(target_arch = "bpf")]
        {
            let flags = if marked { crate::abi::BPF_FS_RA_PREFETCH_MARK } else { 0 };
            // SAFETY: the kernel's function notes the range and leaves the state
            // as it is.
            let refused = unsafe {
                kernel::raext_prefetch((&raw const self.0).cast_mut(), start, pages, flags)
            };
            // Counted by the module; there is nothing that a policy could do.
            let _ = refused;
        }
        #[cfg(not(target_arch = "bpf"))]
        crate::testing::note(crate::testing::Range { start, pages, marked });
    }
}
