// SPDX-License-Identifier: GPL-2.0-only
//! What a decision is judged by: a few numbers, made of the decision and of what is
//! remembered of its file.
//!
//! The policy runs this code in the kernel, and `raext train` runs it over a
//! recording: what a tree was trained with is what it is asked.

use crate::{Word, shared};

/// The size of a number: how many bits it has. The tree gets numbers of pages in
/// this way, lest it learns the lengths of the very files that were recorded.
#[inline(always)]
pub fn bits(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// How many numbers there are; a power of two, so that an index can be masked.
pub const FEATURES: usize = 8;

/// The name of each of them, for people.
pub const NAMES: [&str; FEATURES] =
    ["event", "asked", "run", "distance", "followed", "habit", "hint", "first"];

/// Streams of a file at most.
pub const STREAMS: usize = 4;

/// The page is absent, on the read path.
pub const MISS: u32 = 0;
/// The marked page was reached.
pub const MARK: u32 = 1;
/// The page is absent, on the fault path.
pub const FAULT: u32 = 2;

shared! {
    /// The memory of a file. All pages are 32 bits wide.
    pub struct File {
        /// Where a stream began.
        pub begin: [Word; 4],
        /// Where the application was when the stream was last heard of.
        pub at: [Word; 4],
        /// The page behind the last that was read for the stream; 0 if there is none.
        pub end: [Word; 4],
        /// The decision at which it was last heard of.
        pub heard: [Word; 4],
        /// Decisions so far.
        pub turn: Word,
        /// A bit for each of the last decisions: whether it belonged to a stream.
        pub history: Word,
        /// How far streams came before they ended, pages: a running mean.
        pub habit: Word,
        /// The page behind what was asked for last.
        pub last: Word,
    }
}

/// A decision that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// [`MISS`], [`MARK`] or [`FAULT`].
    pub event: u32,
    /// The page that is needed now.
    pub page: u32,
    /// How many are asked for from there.
    pub pages: u32,
    /// The application's advice: 1 random, 2 sequential, else 0.
    pub hint: u32,
}

/// The facts of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The numbers, in the order of [`NAMES`].
    pub features: [u32; FEATURES],
    /// The stream that it belongs to, or whose place a new one takes.
    pub stream: usize,
    /// Whether it is a new one.
    pub new: bool,
    /// The page behind what was read for it.
    pub end: u32,
}

/// Look at a decision.
#[inline(always)]
pub fn look(file: &File, ask: Ask) -> Seen {
    let mut known = STREAMS;
    let (mut oldest, mut age) = (0, 0);
    let turn = file.turn.get();
    for i in 0..STREAMS {
        let end = file.end[i].get();
        if end != 0 && file.at[i].get() <= ask.page && ask.page <= end {
            known = i;
        }
        let silent = turn.wrapping_sub(file.heard[i].get());
        let silent = if end == 0 { u32::MAX } else { silent };
        if silent >= age {
            (oldest, age) = (i, silent);
        }
    }
    let new = known >= STREAMS;
    let stream = if new { oldest } else { known };
    let (begin, end) = (file.begin[stream].get(), file.end[stream].get());
    let after = ask.page.saturating_add(ask.pages);
    let features = [
        ask.event,
        bits(ask.pages),
        bits(if new { 0 } else { ask.page.wrapping_sub(begin) }),
        bits(if new { ask.page.abs_diff(file.last.get()) } else { 0 }),
        (file.history.get() & 0xffff).count_ones(),
        bits(file.habit.get()),
        ask.hint,
        if ask.page == 0 { 1 } else { 0 },
    ];
    Seen { features, stream, new, end: if new { after } else { end } }
}

/// Remember a decision, by which everything up to `end` is read.
#[inline(always)]
pub fn remember(file: &File, ask: Ask, seen: Seen, end: u32) {
    let i = seen.stream;
    if i >= STREAMS {
        return;
    }
    let after = ask.page.saturating_add(ask.pages);
    if seen.new {
        if file.end[i].get() != 0 {
            let came = file.at[i].get().wrapping_sub(file.begin[i].get());
            let habit = file.habit.get();
            // A quarter of the way to the new one.
            file.habit.set(habit - habit / 4 + came / 4);
        }
        file.begin[i].set(ask.page);
    }
    let turn = file.turn.get().wrapping_add(1);
    let followed = if seen.new { 0 } else { 1 };
    file.at[i].set(ask.page);
    file.end[i].set(if end > after { end } else { after });
    file.heard[i].set(turn);
    file.turn.set(turn);
    file.history.set((file.history.get() << 1) | followed);
    file.last.set(after);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(file: &File, page: u32, end: u32) -> Seen {
        let ask = Ask { event: MISS, page, pages: 4, hint: 0 };
        let seen = look(file, ask);
        remember(file, ask, seen, end);
        seen
    }

    #[test]
    fn streams_are_told_apart_and_their_runs_known() {
        let file = File::default();
        for start in [0, 5000, 9000] {
            assert!(ask(&file, start, start + 32).new);
        }
        for start in [0, 5000, 9000] {
            let seen = ask(&file, start + 32, start + 64);
            assert!(!seen.new);
            assert_eq!((seen.features[2], seen.features[3]), (bits(32), 0));
        }
        assert_eq!(ask(&file, 20_000, 0).features[4], 3, "three followed");
    }

    #[test]
    fn the_habit_is_the_mean_of_the_runs() {
        let file = File::default();
        for burst in 0..40 {
            for page in (0..64).step_by(4) {
                ask(&file, burst * 1000 + page, 0);
            }
        }
        let habit = look(&file, Ask { event: MISS, page: 0, pages: 4, hint: 0 }).features[5];
        assert!(habit == bits(50), "{habit}");
    }
}
