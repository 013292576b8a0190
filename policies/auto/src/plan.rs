// SPDX-License-Identifier: GPL-2.0-only
//! What a decision is about, and what it comes to.

/// What a decision is about.
#[derive(Clone, Copy)]
pub struct Ask {
    /// The page that is needed now.
    pub page: u32,
    /// Pages that were asked for from there.
    pub pages: u32,
    /// The time, µs.
    pub now: u32,
}

/// What is to be read; nothing but what was asked for if `size` is 0.
#[derive(Clone, Copy)]
pub struct Plan {
    /// First page.
    pub start: u32,
    /// Pages.
    pub size: u32,
    /// Pages at its end, the first of which is marked.
    pub tail: u32,
}

/// Nothing but what was asked for.
pub const ASKED: Plan = Plan { start: 0, size: 0, tail: 0 };

/// The least window of a stream that is sure of itself, pages.
pub const LEAST: u32 = 32;

/// The lesser one.
#[inline(always)]
pub fn min(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}

/// The greater one.
#[inline(always)]
pub fn max(a: u32, b: u32) -> u32 {
    if a > b { a } else { b }
}
