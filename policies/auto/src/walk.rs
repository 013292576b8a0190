// SPDX-License-Identifier: GPL-2.0-only
//! Reads at equal distances, forwards or backwards: a column of a table, every
//! n-th record, a matrix against its grain.
//!
//! Three misses at the same distance begin a walk. The next steps are asked for
//! as ranges: eight at first, twice as many at each mark up to [`STEPS`], so that
//! a wrong guess costs little.

use crate::STEPS;
use raext_policy::prelude::*;

shared! {
    /// How a file was read where nothing followed.
    pub struct Walk {
        /// The page that was missed last.
        pub last: Word,
        /// Distance to the one before, pages.
        pub step: Word,
        /// The last step that was asked for: a page.
        pub ahead: Word,
        /// The step that is marked: a page, 0 if none.
        pub mark: Word,
        /// Pages read at each step.
        pub pages: Word,
        /// How often in a row the distance was the same.
        pub hits: Word,
        /// Steps that were asked for at once.
        pub steps: Word,
    }
}

/// Equal distances in a row that make a walk.
const CERTAIN: u32 = 2;
/// Steps that are asked for at the beginning.
const FIRST: u32 = 8;
/// Pages of a step in a mapping at most.
const FAULTS: u32 = 16;

impl Walk {
    /// A miss of so many pages that nothing else explains; whether it is a step of
    /// a walk, for which so many more hits than usual are wanted.
    #[inline(always)]
    pub fn missed(&self, page: u32, pages: u32, more: u32) -> bool {
        let step = page.wrapping_sub(self.last.get());
        let same_pages = pages == self.pages.get();
        let same = step == self.step.get() && same_pages;
        if !same && same_pages && self.resumes(step as i32) {
            // A step that was dropped, or read and evicted: go on from here.
            self.last.set(page);
            self.ahead.set(page);
            return true;
        }
        let hits = if same { self.hits.get().saturating_add(1) } else { 0 };
        self.last.set(page);
        self.step.set(step);
        self.pages.set(pages);
        self.hits.set(hits);
        self.ahead.set(page);
        self.mark.set(0);
        self.steps.set(FIRST);
        hits >= CERTAIN + more
    }

    /// Whether a miss lies on the walk, in its direction and within what was
    /// asked for.
    #[inline(always)]
    fn resumes(&self, distance: i32) -> bool {
        let step = self.step.get() as i32;
        let (size, far) = (step.unsigned_abs(), distance.unsigned_abs());
        self.mark.get() != 0
            && size != 0
            && (distance < 0) == (step < 0)
            && far / size <= 2 * STEPS.get()
            && far % size == 0
    }

    /// Ask for the next steps, so many pages at each, and mark one of them.
    #[inline(always)]
    pub fn go_on(&self, s: &State, page: u32, run: u32) {
        let (most, steps) = (STEPS.get(), self.steps.get());
        let steps = if steps > most { most } else { steps };
        let pages = self.pages.get();
        // Faults come page by page; a step may have more of them.
        let run = if run > FAULTS { FAULTS } else { run };
        let pages = if s.is_mmap() && run > pages { run } else { pages };
        let step = self.step.get() as i32;
        let mut next = self.ahead.get();
        // At the beginning, the middle of what is asked for; later its first.
        let marked = if next == page { steps / 2 } else { 0 };
        let mut mark = 0;
        for i in 0..64 {
            if i >= steps {
                break;
            }
            let after = next.wrapping_add_signed(step);
            if u64::from(after) >= s.file_pages() {
                break;
            }
            next = after;
            if i == marked {
                s.prefetch_marked(next.into(), pages);
                mark = next;
            } else {
                s.prefetch(next.into(), pages);
            }
        }
        self.last.set(page);
        self.ahead.set(next);
        self.mark.set(mark);
        self.steps.set(steps * 2);
    }
}
