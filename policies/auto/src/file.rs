// SPDX-License-Identifier: GPL-2.0-only
//! The memory of a file: its streams, each with the window that it is in, and
//! how far an application usually reads on from a new place.

use crate::plan::Ask;
use crate::walk::Walk;
use raext_policy::prelude::*;

/// Streams of a file at most.
pub const STREAMS: usize = 5;

/// A place that was read, and not followed yet.
pub const PLACE: i32 = 0;
/// A stream; backwards if negative. It waited for the beginning of its window.
pub const WAITED: i32 = 1;
/// Likewise, and the window was asked for in time, at a mark.
pub const AHEAD: i32 = 2;

/// Nothing.
pub const NOTHING: u32 = 0;
/// Whether the application goes on, by a mark behind the place.
pub const ON: u32 = 1;
/// Whether it goes back, by a mark before the place.
pub const BACK: u32 = 2;
/// Either, by a miss: nothing was guessed where a guess cannot be marked.
pub const PROBE: u32 = 3;
/// Nothing, since the guess is not marked.
pub const UNKNOWN: u32 = 4;
/// As [`ON`], where nothing is known of the file yet.
pub const FIRST: u32 = 5;

shared! {
    /// A file, its streams field by field. All pages are 32 bits wide: files of
    /// 16 TiB and more are left to the kernel.
    pub struct File {
        /// The first page of what a stream has read.
        pub low: [Word; 5],
        /// The page behind the last; 0 if there is no stream.
        pub high: [Word; 5],
        /// Its last window, pages.
        pub size: [Word; 5],
        /// Where the application was when the stream was last heard of.
        pub at: [Word; 5],
        /// When that was, µs.
        pub time: [Word; 5],
        /// When it was heard of before that, µs.
        pub since: [Word; 5],
        /// Where it began.
        pub begin: [Word; 5],
        /// [`PLACE`], [`WAITED`], [`AHEAD`]; negative if it goes backwards.
        pub senses: [Word; 5],
        /// The place that was read last.
        pub newest: Word,
        /// Guesses in a row that were wrong.
        pub wrong: Word,
        /// How far the application usually reads on from a new place, pages; 0
        /// if not known.
        pub run: Word,
        /// How far it usually goes back from there, pages.
        pub behind: Word,
        /// The question about the newest place: [`NOTHING`], [`ON`], [`BACK`],
        /// [`PROBE`], [`UNKNOWN`], [`FIRST`].
        pub guess: Word,
        /// How many more of the latest places were followed than not; 8 at most.
        pub faith: Word,
        /// Places that were read.
        pub places: Word,
        /// Pages of regions that were read whole.
        pub whole: Word,
        /// Which stream was looked for and found last.
        found: Word,
        /// Reads at equal distances.
        pub walk: Walk,
    }
}

memory! {
    /// The files that are being read.
    pub static FILES: PerFileInPlace<File, 4096>;
}

impl File {
    /// [`PLACE`], [`WAITED`], [`AHEAD`]; negative if the stream goes backwards.
    #[inline(always)]
    pub fn sense(&self, i: usize) -> i32 {
        self.senses[i].get() as i32
    }

    /// Let it be another one.
    #[inline(always)]
    pub fn set_sense(&self, i: usize, sense: i32) {
        self.senses[i].set(sense as u32);
    }

    /// Restart the time of a place, or of a stream that had to wait.
    #[inline(always)]
    pub fn restart(&self, i: usize, ask: Ask) {
        self.at[i].set(ask.page);
        self.time[i].set(ask.now);
        self.since[i].set(ask.now);
    }

    /// The stream whose last window has this page, or [`STREAMS`].
    #[inline(always)]
    pub fn owner(&self, page: u32) -> usize {
        let mut found = STREAMS;
        for i in 0..STREAMS {
            let (low, high) = self.window(i);
            if low <= page && page < high {
                found = i;
            }
        }
        self.found(found)
    }

    /// The verifier follows a number that it knows through all that comes after, once
    /// for each stream that it can be. What comes out of memory is one to it.
    #[inline(always)]
    fn found(&self, i: usize) -> usize {
        self.found.set(i as u32);
        self.found.get() as usize
    }

    /// Whether a stream is on its way to this page, which it has asked for already.
    #[inline(always)]
    pub fn is_on_the_way(&self, page: u32) -> bool {
        let mut found = false;
        for i in 0..STREAMS {
            let (sense, at) = (self.sense(i), self.at[i].get());
            found |= sense > PLACE && at <= page && page < self.high[i].get()
                || sense < PLACE && self.low[i].get() <= page && page <= at;
        }
        found
    }

    /// The last window of a stream: its first page, and the one behind it.
    #[inline(always)]
    fn window(&self, i: usize) -> (u32, u32) {
        let (low, high, size) = (self.low[i].get(), self.high[i].get(), self.size[i].get());
        if self.sense(i) < 0 {
            (low, low.saturating_add(size))
        } else {
            (high.saturating_sub(size), high)
        }
    }

    /// The stream that a miss of so many pages continues, or [`STREAMS`]. A stream
    /// may leave out as much as it reads; a place is followed without a gap.
    #[inline(always)]
    pub fn follower(&self, page: u32, pages: u32) -> usize {
        let end = page.saturating_add(pages);
        let mut found = STREAMS;
        for i in 0..STREAMS {
            let (sense, at) = (self.sense(i), self.at[i].get());
            let (low, high) = self.window(i);
            if high == 0 {
                continue;
            }
            if sense == PLACE {
                // Beside random reads, what is nearly next is chance.
                if page == high || end == low {
                    found = i;
                }
            } else if sense > PLACE {
                if page > at && page >= low && page <= high.saturating_add(pages) {
                    found = i;
                }
            } else if page < at && end <= high && end.saturating_add(pages) >= low {
                found = i;
            }
        }
        self.found(found)
    }

    /// Where a new place is kept: instead of the one that was silent longest, but
    /// streams are kept longer than places.
    #[inline(always)]
    pub fn victim(&self, now: u32) -> usize {
        let (mut victim, mut age) = (0, 0);
        for i in 0..STREAMS {
            let silent = now.wrapping_sub(self.time[i].get());
            let silent = if self.sense(i) == PLACE { silent } else { silent / 64 };
            let silent = if self.high[i].get() == 0 { u32::MAX } else { silent };
            if silent >= age {
                (victim, age) = (i, silent);
            }
        }
        self.found(victim)
    }

    /// Somewhere else is read: was the guess at the newest place right?
    #[inline(always)]
    pub fn learn_habit(&self) {
        let i = self.newest.get() as usize;
        if i >= STREAMS || self.high[i].get() == 0 {
            return;
        }
        let came = self.at[i].get().abs_diff(self.begin[i].get());
        let sense = self.sense(i);
        if sense != PLACE {
            let habit = if sense < 0 { &self.behind } else { &self.run };
            let usual = habit.get();
            if came < usual / 2 {
                habit.set(usual - usual / 2);
            }
            return;
        }
        if came != 0 {
            return;
        }
        let guess = self.guess.get();
        if guess == UNKNOWN {
            return;
        }
        if guess == NOTHING || guess == PROBE {
            self.faith.set(self.faith.get().saturating_sub(1));
        }
        if guess == NOTHING {
            return;
        }
        let wrong = self.wrong.get().saturating_add(1);
        self.wrong.set(wrong);
        if guess != BACK {
            self.run.set(shortened(self.run.get(), wrong));
        }
        if guess != ON && guess != FIRST {
            self.behind.set(shortened(self.behind.get(), wrong));
        }
    }

    /// A place was followed, by a miss or to a mark.
    #[inline(always)]
    pub fn believe(&self) {
        let faith = self.faith.get();
        if faith < 8 {
            self.faith.set(faith + 1);
        }
    }

    /// The application has come this far from where a stream began.
    #[inline(always)]
    pub fn came(&self, i: usize, page: u32, pages: u32) {
        self.raise(self.begin[i].get(), page, pages, 0);
    }

    /// It has gone past what was guessed for a place: most likely further yet, by
    /// half.
    #[inline(always)]
    pub fn passed(&self, i: usize, page: u32, pages: u32) {
        self.raise(self.begin[i].get(), page, pages, 1);
    }

    #[inline(always)]
    fn raise(&self, begin: u32, page: u32, pages: u32, further: u32) {
        let (habit, came) = if page < begin {
            (&self.behind, begin - page)
        } else {
            (&self.run, (page - begin).saturating_add(pages))
        };
        // A read from a file's beginning, its head or all of it, gives no evidence
        // of places in its middle.
        if came > habit.get() && begin != 0 {
            habit.set(came.saturating_add(came / 2 * further));
        }
    }
}

/// A habit after so many wrong guesses in a row. One says little; more say that
/// it has changed.
#[inline(always)]
fn shortened(habit: u32, wrong: u32) -> u32 {
    if wrong >= 4 { habit / 4 } else { habit - habit.div_ceil(4) }
}
