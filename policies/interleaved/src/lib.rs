// SPDX-License-Identifier: GPL-2.0-only
//! `interleaved` keeps several sequential streams in one file apart: the runs of
//! a merge sort, the columns of a file that is read row by row, many readers
//! behind one descriptor. The kernel has one window a descriptor, and each
//! stream overwrites the others'.
//!
//! A miss that follows an earlier one without a gap makes a stream, and so it
//! does of the other misses since then: they get a first window ahead of their
//! turn. A stream that the kernel has begun is taken over at its next mark. Each
//! stream has windows of its own, which double up to a limit; at each mark the
//! next one is read. What belongs to no stream is left to the kernel.

#![no_std]

use raext_policy::prelude::*;

tunable! {
    /// The largest window of a stream, KiB.
    pub static LIMIT_KB: u32 = 512, in 16..=65536;
}

/// How far the kernel has read at most behind a mark of its own, pages.
const KERNEL_WINDOW: u32 = 64;

/// Streams of a file at most.
const STREAMS: usize = 6;

plain! {
    /// The streams in a file, field by field.
    struct Streams {
        /// The page that a stream will miss next: behind its last read or
        /// window; 0 if there is no stream.
        next: [u64; 6],
        /// Where its window is marked: a page, 0 if it has no window yet.
        mark: [u64; 6],
        /// Its window, pages.
        size: [u32; 6],
        /// The file's clock when it was last heard of.
        heard: [u32; 6],
        /// Counts what the policy was asked about the file.
        clock: u32,
        unused: u32,
    }
}

memory! {
    /// The files that are being read.
    static FILES: PerFile<Streams, 4096>;
}

policy! {
    name: "interleaved",
    decide: decide,
}

fn decide(s: &State) -> Decision {
    if s.is_mmap() {
        return Decision::Kernel;
    }
    let mut file = FILES.get(s);
    file.clock = file.clock.wrapping_add(1);
    let at = match s.event() {
        Event::Mark => marked(s, &mut file),
        _ => missed(s, &mut file),
    };
    FILES.set(s, file);
    if at >= STREAMS {
        return Decision::Kernel;
    }
    let (next, mark, size) = (file.next[at], file.mark[at], file.size[at]);
    let async_size = next.wrapping_sub(mark) as u32;
    Decision::Window { start: next.wrapping_sub(size.into()), size, async_size }
}

/// The stream that has come to its mark, given its next window; or [`STREAMS`].
fn marked(s: &State, file: &mut Streams) -> usize {
    let at = position(&file.mark, s.index());
    if at < STREAMS {
        give_window(file, at, file.next[at], file.size[at].saturating_mul(2), 0);
        return at;
    }
    // The kernel's mark. Where it is alone in the file, the kernel knows best;
    // beside streams, the policy replaces its one window.
    if streams(&file.size) == 0 {
        return STREAMS;
    }
    let new = oldest(&file.heard, file.clock);
    if new < STREAMS {
        let ahead = s.cached(s.index(), KERNEL_WINDOW);
        let start = s.index().saturating_add(ahead.into());
        give_window(file, new, start, s.req_pages().saturating_mul(4), 0);
    }
    new
}

/// The stream that a miss continues, given its first window; or [`STREAMS`].
fn missed(s: &State, file: &mut Streams) -> usize {
    let at = position(&file.next, s.index());
    if at < STREAMS {
        let (began, size) = (file.heard[at], s.req_pages().saturating_mul(4));
        give_window(file, at, s.index(), size, s.req_pages());
        begin_others(s, file, began, size);
        return at;
    }
    let new = oldest(&file.heard, file.clock);
    if new < STREAMS {
        file.next[new] = s.index().saturating_add(s.req_pages().into());
        file.mark[new] = 0;
        file.size[new] = 0;
        file.heard[new] = file.clock;
    }
    STREAMS
}

/// A stream was found that began at `began`: misses that came after it and were
/// not followed yet are likely to be streams, too.
fn begin_others(s: &State, file: &mut Streams, began: u32, size: u32) {
    for at in 0..STREAMS {
        let age = file.clock.wrapping_sub(file.heard[at]);
        let young = age < file.clock.wrapping_sub(began);
        if file.size[at] == 0 && file.next[at] != 0 && young {
            let start = file.next[at];
            give_window(file, at, start, size, 0);
            s.prefetch_marked(start, file.size[at]);
        }
    }
}

/// Give a stream the window of up to `size` pages from `start` on, of which the
/// application waits for `asked`.
#[inline(always)]
fn give_window(file: &mut Streams, at: usize, start: u64, size: u32, asked: u32) {
    let limit = LIMIT_KB.get() / 4;
    let size = if size > limit { limit } else { size };
    let waited_for = if asked < size { asked } else { size / 2 };
    file.next[at] = start.saturating_add(size.into());
    file.mark[at] = start.saturating_add(waited_for.into());
    file.size[at] = size;
    file.heard[at] = file.clock;
}

/// How many streams have windows.
fn streams(sizes: &[u32; STREAMS]) -> usize {
    let mut found = 0;
    for &size in sizes {
        if size != 0 {
            found += 1;
        }
    }
    found
}

/// Which stream has this page (not 0), or [`STREAMS`].
fn position(pages: &[u64; STREAMS], page: u64) -> usize {
    let mut found = STREAMS;
    for (at, &of_stream) in pages.iter().enumerate() {
        if page != 0 && of_stream == page {
            found = at;
        }
    }
    found
}

/// Which stream was silent longest.
fn oldest(heard: &[u32; STREAMS], clock: u32) -> usize {
    let (mut oldest, mut age) = (0, 0);
    for (at, &when) in heard.iter().enumerate() {
        let silent = clock.wrapping_sub(when);
        if silent > age {
            (oldest, age) = (at, silent);
        }
    }
    oldest
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use raext_policy::testing::{Range, put_into_cache, ranges};
    use std::vec::Vec;

    fn ask(s: State) -> Decision {
        ranges(|| decide(&s)).0
    }

    fn range(start: u64, pages: u32) -> Range {
        Range { start, pages, marked: true }
    }

    #[test]
    fn three_streams_get_windows_of_their_own() {
        for start in [1000, 20_000, 40_000] {
            assert_eq!(ask(State::miss(start, 16)), Decision::Kernel);
        }
        // The first that is followed makes streams of the others.
        let (answer, asked) = ranges(|| decide(&State::miss(1016, 16)));
        assert_eq!(answer, Decision::Window { start: 1016, size: 64, async_size: 48 });
        assert_eq!(asked, [range(20_016, 64), range(40_016, 64)]);
        for (mark, start) in [(1032, 1080), (20_016, 20_080), (40_016, 40_080)] {
            let answer = ask(State::mark(mark, 16));
            assert_eq!(answer, Decision::Window { start, size: 128, async_size: 128 });
        }
    }

    #[test]
    fn beside_streams_the_kernel_s_mark_is_one_too() {
        assert_eq!(ask(State::mark(16, 16)), Decision::Kernel, "alone in the file");
        ask(State::miss(20_000, 16));
        ask(State::miss(20_016, 16));
        // The kernel's window reaches 16 pages behind the mark.
        put_into_cache(48..64);
        let answer = ask(State::mark(48, 16));
        assert_eq!(answer, Decision::Window { start: 64, size: 64, async_size: 64 });
        let answer = ask(State::mark(64, 16));
        assert_eq!(answer, Decision::Window { start: 128, size: 128, async_size: 128 });
    }

    #[test]
    fn what_was_missed_before_the_stream_began_is_no_stream() {
        ask(State::miss(40_000, 16));
        ask(State::miss(1000, 16));
        assert_eq!(ranges(|| decide(&State::miss(1016, 16))).1, []);
    }

    #[test]
    fn windows_double_up_to_the_limit() {
        ask(State::miss(1000, 16));
        let mut answer = ask(State::miss(1016, 16));
        let mut sizes = Vec::new();
        for _ in 0..6 {
            let Decision::Window { start, size, async_size } = answer else { panic!("{answer:?}") };
            sizes.push(size);
            answer = ask(State::mark(start + u64::from(size - async_size), 16));
        }
        assert_eq!(sizes, [64, 128, 128, 128, 128, 128]);
    }

    #[test]
    fn what_belongs_to_no_stream_is_the_kernel_s() {
        for index in [7, 900, 130, 5000, 20, 770, 10_000, 3000] {
            assert_eq!(ask(State::miss(index, 4)), Decision::Kernel);
        }
        assert_eq!(ask(State::mark(64, 4)), Decision::Kernel);
        assert_eq!(ask(State::fault(11)), Decision::Kernel);
    }

    #[test]
    fn the_stream_that_was_silent_longest_is_forgotten() {
        for start in 1..=7 {
            ask(State::miss(start * 1000, 4));
        }
        assert_eq!(ask(State::miss(1004, 4)), Decision::Kernel);
        assert!(matches!(ask(State::miss(7004, 4)), Decision::Window { .. }));
    }
}
