// SPDX-License-Identifier: GPL-2.0-only
//! The question of a decision, and its answer.

/// The question of a decision.
#[derive(Clone, Copy)]
pub struct Ask {
    /// The page that is needed now.
    pub page: u32,
    /// Pages that were asked for from there.
    pub pages: u32,
    /// The time, µs.
    pub now: u32,
}

/// The window to read; the requested pages alone if `size` is 0.
#[derive(Clone, Copy)]
pub struct Plan {
    /// First page.
    pub start: u32,
    /// Pages.
    pub size: u32,
    /// Pages at its end, the first of which is marked.
    pub tail: u32,
}

impl Plan {
    /// The same, no further than the file's end: the mark stays where it is, and is
    /// none behind the end. The kernel's module does so, too, but counts an answer
    /// that was out of range.
    #[inline(always)]
    pub fn within(self, file_pages: u32) -> Self {
        let left = file_pages.saturating_sub(self.start);
        let beyond = self.size.saturating_sub(left);
        Self { size: self.size - beyond, tail: self.tail.saturating_sub(beyond), ..self }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_end_of_the_file_the_mark_stays_where_it_is() {
        let plan = |start, size, tail| {
            let Plan { start, size, tail } = Plan { start, size, tail }.within(62);
            (start, size, tail)
        };
        assert_eq!(plan(53, 106, 105), (53, 9, 8), "behind the page that is waited for");
        assert_eq!(plan(53, 106, 90), (53, 9, 0), "beyond the end");
        assert_eq!(plan(10, 20, 18), (10, 20, 18));
        assert_eq!(plan(70, 4, 4), (70, 0, 0));
    }
}
