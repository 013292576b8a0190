// SPDX-License-Identifier: GPL-2.0-only
//! `backward` foresees a file that is read from its end to its beginning: a
//! descending scan of an index, a log read from its latest entry, a reverse
//! iterator. The kernel waits for the device at each read.
//!
//! A read that ends where the one before began starts a run. The policy reads
//! the pages before it in windows that double up to a limit, each marked in its
//! middle, where it is asked again. What is no run is left to the kernel.

#![no_std]

use raext_policy::prelude::*;

tunable! {
    /// The largest window, KiB.
    pub static LIMIT_KB: u32 = 4096, in 64..=65536;
}

plain! {
    /// How a file is being read.
    struct Run {
        /// Where the last read began: a page.
        last: u64,
        /// Reads in a row that went backwards without a gap.
        hits: u32,
        /// The last window, pages.
        size: u32,
        /// The first page that was asked for.
        low: u64,
        /// The page that is marked, 0 if none.
        mark: u64,
    }
}

memory! {
    /// The files that are being read.
    static FILES: PerFile<Run, 4096>;
}

policy! {
    name: "backward",
    decide: decide,
}

/// Reads in a row that go backwards from the one before and make a run.
const CERTAIN: u32 = 1;
/// The first window, pages.
const FIRST: u32 = 64;

fn decide(s: &State) -> Decision {
    let run = FILES.get(s);
    if s.event() == Event::Mark {
        if run.mark == 0 || s.index() != run.mark {
            return Decision::Kernel;
        }
        return go_on(s, run);
    }
    let end = s.index().saturating_add(s.req_pages().into());
    let before = Run { last: s.index(), low: s.index(), mark: 0, ..run };
    if end == run.last {
        let hits = run.hits.saturating_add(1);
        if hits >= CERTAIN {
            return go_on(s, Run { hits, ..before });
        }
        FILES.set(s, Run { hits, ..before });
    } else if run.hits >= CERTAIN && end == run.low {
        // The requested pages are read. More were not asked for, or were dropped.
        return go_on(s, before);
    } else {
        FILES.set(s, Run { hits: 0, size: 0, ..before });
    }
    Decision::Kernel
}

/// Ask for the window before the pages that were asked for already: in two
/// halves, since a range is marked at its first page.
fn go_on(s: &State, mut run: Run) -> Decision {
    let limit = LIMIT_KB.get() / 4;
    run.size = if run.size == 0 { FIRST } else { run.size.saturating_mul(2) };
    if run.size > limit {
        run.size = limit;
    }
    let half = run.size / 2;
    run.mark = 0;
    if run.low > u64::from(half) {
        run.low -= u64::from(half);
        run.mark = run.low;
        s.prefetch_marked(run.low, half);
        let rest = if run.low > u64::from(half) { half } else { run.low as u32 };
        run.low -= u64::from(rest);
        if rest > 0 {
            s.prefetch(run.low, rest);
        }
    } else if run.low > 0 {
        s.prefetch(0, run.low as u32);
        run.low = 0;
    }
    run.last = s.index();
    FILES.set(s, run);
    Decision::OnlyAsked
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use raext_policy::testing::{Range, ranges};
    use std::{vec, vec::Vec};

    /// Reads of 4 pages, each ending where the one before began.
    fn back(from: u64, reads: u64) -> (Decision, Vec<Range>) {
        let mut last = (Decision::Kernel, Vec::new());
        for i in 0..reads {
            last = ranges(|| decide(&State::miss(from - 4 * i, 4)));
        }
        last
    }

    fn range(start: u64, pages: u32, marked: bool) -> Range {
        Range { start, pages, marked }
    }

    #[test]
    fn the_second_read_backwards_is_foreseen() {
        assert_eq!(back(10_000, 1), (Decision::Kernel, vec![]));
        let (answer, asked) = ranges(|| decide(&State::miss(9996, 4)));
        assert_eq!(answer, Decision::OnlyAsked);
        assert_eq!(asked, [range(9964, 32, true), range(9932, 32, false)]);
    }

    #[test]
    fn windows_double_at_the_marks_up_to_the_limit() {
        let (_, mut asked) = back(100_000, 2);
        let mut sizes = Vec::new();
        for _ in 0..8 {
            let (mark, low) = (asked[0].start, asked[1].start);
            let (answer, next) = ranges(|| decide(&State::mark(mark, 4)));
            assert_eq!(answer, Decision::OnlyAsked);
            assert_eq!(next[0].start + u64::from(next[0].pages), low, "no gap");
            sizes.push(next[0].pages + next[1].pages);
            asked = next;
        }
        assert_eq!(sizes, [128, 256, 512, 1024, 1024, 1024, 1024, 1024]);
    }

    #[test]
    fn it_ends_at_the_first_page() {
        assert_eq!(back(24, 2), (Decision::OnlyAsked, vec![range(0, 20, false)]));
        assert_eq!(ranges(|| decide(&State::mark(0, 4))).0, Decision::Kernel);
    }

    #[test]
    fn what_goes_forwards_or_anywhere_is_the_kernel_s() {
        for index in [0, 4, 8, 12, 500, 7, 90, 13] {
            assert_eq!(ranges(|| decide(&State::miss(index, 4))), (Decision::Kernel, vec![]));
        }
        assert_eq!(ranges(|| decide(&State::mark(77, 4))), (Decision::Kernel, vec![]));
    }
}
