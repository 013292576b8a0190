// SPDX-License-Identifier: GPL-2.0-only
//! The answers of callbacks.

use crate::PAGE_SIZE;

/// Answer of `get_max_ra`: how far this decision may go. It never sticks to the
/// file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A window of up to so many pages, as `ra_pages` would be. 0 is the same as
    /// [`Limit::OnlyAsked`]; the kernel module clamps to its hard limit.
    Pages(u32),
    /// Read just what the application asked for.
    OnlyAsked,
    /// The file's own limit.
    Own,
}

impl Limit {
    /// A limit in KiB, rounded down to pages but at least one.
    #[inline(always)]
    pub const fn kib(kib: u32) -> Self {
        let pages = kib / (PAGE_SIZE as u32 / 1024);
        Self::Pages(if pages == 0 { 1 } else { pages })
    }

    /// As the kernel module reads it: n > 0 pages, 0 only asked, negative own.
    #[inline(always)]
    pub const fn to_raw(self) -> i32 {
        match self {
            Self::Pages(pages) => saturate(pages),
            Self::OnlyAsked => 0,
            Self::Own => -1,
        }
    }
}

/// Answer of `decide`: whether the policy takes the decision over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on as usual: ask `get_max_ra` and `get_ra`, if they are there.
    Kernel,
    /// Read this window. What lies outside of the file is cut off.
    Window {
        /// First page.
        start: u64,
        /// Pages; 0 is the same as [`Decision::OnlyAsked`].
        size: u32,
        /// Pages at its end; when the application reaches the first of them,
        /// the policy is asked again.
        async_size: u32,
    },
    /// Read just what the application asked for; on a mark, that is nothing.
    OnlyAsked,
}

/// Answer of `get_ra`: what is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The window that the kernel computed.
    Keep,
    /// That window with so many pages; 0 is the same as [`Window::OnlyAsked`].
    Size(u32),
    /// Read just what the application asked for.
    OnlyAsked,
    /// Another window. What lies outside of the file is cut off.
    Exact {
        /// First page.
        start: u64,
        /// Pages.
        size: u32,
        /// Pages at its end; when the application reaches the first of them,
        /// the policy is asked again.
        async_size: u32,
    },
}

impl Window {
    /// As the kernel module reads it: n > 0 pages, 0 only asked, negative as in
    /// the state.
    #[inline(always)]
    pub const fn to_raw(self) -> i32 {
        match self {
            Self::Keep => -1,
            Self::Size(pages) | Self::Exact { size: pages, .. } => saturate(pages),
            Self::OnlyAsked => 0,
        }
    }
}

#[inline(always)]
const fn saturate(pages: u32) -> i32 {
    if pages > i32::MAX as u32 { i32::MAX } else { pages as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_the_signs_of_the_contract() {
        assert_eq!(Limit::Pages(32).to_raw(), 32);
        assert_eq!(Limit::Pages(u32::MAX).to_raw(), i32::MAX);
        assert_eq!(Limit::OnlyAsked.to_raw(), 0);
        assert!(Limit::Own.to_raw() < 0);
        assert_eq!(Limit::kib(4096), Limit::Pages(1024));
        assert_eq!(Limit::kib(3), Limit::Pages(1));
    }

    #[test]
    fn windows_have_the_signs_of_the_contract() {
        assert!(Window::Keep.to_raw() < 0);
        assert_eq!(Window::OnlyAsked.to_raw(), 0);
        assert_eq!(Window::Size(7).to_raw(), 7);
        assert_eq!(Window::Exact { start: 1, size: 9, async_size: 2 }.to_raw(), 9);
    }
}
