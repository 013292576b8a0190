// SPDX-License-Identifier: GPL-2.0-only
//! `stride` foresees reads at equal distances, forwards or backwards: a column
//! of a table, every n-th record, a matrix against its grain. The kernel takes
//! them for random and waits for the device at each.
//!
//! Three misses in a row at the same distance begin a walk. The policy then
//! asks for the next steps at once and marks the one in the middle, where it is
//! asked again and keeps as many steps in front of the application. What is no
//! walk is left to the kernel.

#![no_std]

use raext_policy::prelude::*;

tunable! {
    /// Steps that are read in front of the application.
    pub static STEPS: u32 = 64, in 2..=64;
}

plain! {
    /// How a file is being read.
    struct Walk {
        /// Where it was read last, as far as the policy was asked: a page.
        last: u64,
        /// Distance to the one before, pages.
        step: i64,
        /// How often in a row that was the distance.
        hits: u32,
        /// Pages read at each step.
        pages: u32,
        /// The last step that was asked for: a page.
        ahead: u64,
        /// The step that is marked: a page, 0 if none.
        mark: u64,
    }
}

memory! {
    /// The files that are being read.
    static FILES: PerFile<Walk, 4096>;
}

policy! {
    name: "stride",
    decide: decide,
}

/// Equal distances in a row that make a walk.
const CERTAIN: u32 = 2;

fn decide(s: &State) -> Decision {
    let walk = FILES.get(s);
    if s.event() == Event::Mark {
        return marked(s, walk);
    }
    let step = s.index().wrapping_sub(walk.last) as i64;
    let pages = s.req_pages();
    let same = step == walk.step && pages == walk.pages;
    let hits = if same { walk.hits.saturating_add(1) } else { 0 };
    let seen = Walk { last: s.index(), step, hits, pages, ahead: s.index(), mark: 0 };
    // The kernel recognises accesses without a gap.
    if hits < CERTAIN || step.unsigned_abs() <= pages.into() {
        // A page of the walk that was dropped, or read and evicted: go on.
        let resumed = Walk { last: s.index(), ahead: s.index(), ..walk };
        if !same && resumes(&walk, step, pages) {
            return go_on(s, resumed, STEPS.get());
        }
        FILES.set(s, seen);
        return Decision::Kernel;
    }
    go_on(s, seen, STEPS.get())
}

/// Whether a miss lies on the walk, in its direction and within what was asked
/// for.
fn resumes(walk: &Walk, distance: i64, pages: u32) -> bool {
    let (step, far) = (walk.step.unsigned_abs(), distance.unsigned_abs());
    walk.hits >= CERTAIN
        && pages == walk.pages
        && step > pages.into()
        && (distance < 0) == (walk.step < 0)
        && far / step <= STEPS.get().into()
        && far % step == 0
}

/// The application has come to the mark of a walk: half of the steps are left.
fn marked(s: &State, walk: Walk) -> Decision {
    if walk.mark == 0 || s.index() != walk.mark {
        return Decision::Kernel;
    }
    go_on(s, Walk { last: s.index(), ..walk }, STEPS.get() / 2)
}

/// Ask for so many steps more, the one that leaves half of them marked.
fn go_on(s: &State, mut walk: Walk, steps: u32) -> Decision {
    // At the beginning, the middle of what is asked for; later its first.
    let marked = if walk.ahead == s.index() { steps / 2 } else { 0 };
    walk.mark = 0;
    for i in 0..64 {
        if i >= steps {
            break;
        }
        let next = walk.ahead.wrapping_add_signed(walk.step);
        if next >= s.file_pages() {
            break;
        }
        if i == marked {
            s.prefetch_marked(next, walk.pages);
            walk.mark = next;
        } else {
            s.prefetch(next, walk.pages);
        }
        walk.ahead = next;
    }
    FILES.set(s, walk);
    Decision::OnlyAsked
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use raext_policy::testing::{Range, ranges};
    use std::{vec, vec::Vec};

    /// Reads of 4 pages, each `step` pages from the one before.
    fn walk(from: u64, step: i64, reads: u64) -> (Decision, Vec<Range>) {
        let mut last = (Decision::Kernel, Vec::new());
        for i in 0..reads {
            let index = from.wrapping_add_signed(step * i as i64);
            last = ranges(|| decide(&State::miss(index, 4)));
        }
        last
    }

    #[test]
    fn the_fourth_read_at_the_same_distance_is_foreseen() {
        assert_eq!(walk(1000, 128, 3), (Decision::Kernel, vec![]));
        let (answer, asked) = ranges(|| decide(&State::miss(1000 + 3 * 128, 4)));
        assert_eq!(answer, Decision::OnlyAsked);
        assert_eq!(asked.len(), 64);
        assert_eq!(asked[0], Range { start: 1000 + 4 * 128, pages: 4, marked: false });
        assert_eq!(asked[63].start, 1000 + 67 * 128);
        assert_eq!(asked.iter().filter(|range| range.marked).count(), 1);
        assert!(asked[32].marked);
    }

    #[test]
    fn at_the_mark_half_of_the_steps_are_renewed() {
        let (_, asked) = walk(0, 100, 4);
        let mark = asked.iter().find(|range| range.marked).unwrap().start;
        let (answer, more) = ranges(|| decide(&State::mark(mark, 4)));
        assert_eq!(answer, Decision::OnlyAsked);
        assert_eq!(more.len(), 32);
        assert_eq!(more[0], Range { start: asked[63].start + 100, pages: 4, marked: true });
        // The mark of another decision is the kernel's.
        assert_eq!(ranges(|| decide(&State::mark(mark + 1, 4))), (Decision::Kernel, vec![]));
    }

    #[test]
    fn backwards_ends_at_the_beginning_of_the_file() {
        let (answer, asked) = walk(1000, -100, 4);
        assert_eq!(answer, Decision::OnlyAsked);
        assert_eq!(
            asked.iter().map(|range| range.start).collect::<Vec<_>>(),
            [600, 500, 400, 300, 200, 100, 0]
        );
    }

    #[test]
    fn sequential_random_and_repeated_reads_are_the_kernel_s() {
        assert_eq!(walk(0, 4, 20), (Decision::Kernel, vec![]));
        assert_eq!(walk(4000, -4, 20), (Decision::Kernel, vec![]));
        assert_eq!(walk(50, 0, 20), (Decision::Kernel, vec![]));
        for index in [7, 90, 13, 500, 2, 77, 1000] {
            assert_eq!(ranges(|| decide(&State::miss(index, 4))), (Decision::Kernel, vec![]));
        }
    }

    #[test]
    fn another_pattern_in_the_same_file_begins_anew() {
        walk(4000, -4, 20);
        assert_eq!(walk(0, 128, 3), (Decision::Kernel, vec![]));
        let (_, asked) = ranges(|| decide(&State::miss(3 * 128, 4)));
        assert_eq!(asked[0].start, 4 * 128);
    }

    #[test]
    fn a_step_that_was_lost_does_not_end_the_walk() {
        let (_, asked) = walk(0, 100, 4);
        let (answer, again) = ranges(|| decide(&State::miss(asked[5].start, 4)));
        assert_eq!(answer, Decision::OnlyAsked);
        assert_eq!(again[0].start, asked[6].start);
    }
}
