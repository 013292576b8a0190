// SPDX-License-Identifier: GPL-2.0-only
//! New places: what is usually read on from one, and before it, is read in one go,
//! and a mark shows whether that was right. A fault in a mapping without advice is
//! the kernel's, as long as the file's habit is no longer than the kernel's window.

use crate::DEPTH;
use crate::device::{BACKWARD, Device, FORWARD, need};
use crate::file::{BACK, FIRST, File, NOTHING, ON, PLACE, PROBE, STREAMS, UNKNOWN};
use crate::plan::{ASKED, Ask, LEAST, Plan, max, min};
use crate::stream::late;
use raext_policy::prelude::*;

/// The usual length in a mapping as long as nothing else is known, pages.
const FIRST_FAULT: u32 = 16;
/// A length that costs next to nothing beside any latency, pages.
const CHEAP: u32 = 2;
/// Pages of a region; a quarter of it where the device is known to deliver less
/// than that in its latency.
const REGION: u32 = 128;
/// Visits of a region that let it be read whole.
const VISITS: u32 = 4;
/// The most that is read on each side of a place among cached pages, pages.
const AROUND: u32 = 256;
/// The longest habit that leaves a fault to the kernel, pages: what the kernel reads
/// around a fault by default.
const SHORT: u32 = 32;
/// After so many misses of a mapping the kernel reads single pages: `MMAP_LOTSAMISS`
/// of mm/filemap.c.
const LOTS_OF_MISSES: u32 = 100;
/// How many more places must be followed than not until what the application
/// said of random access is not believed.
const FAITH: u32 = 4;

/// Read of a new place what is usual, and remember it; none if the kernel is to read.
#[inline(always)]
pub fn begin(s: &State, file: &File, device: Option<&Device>, ask: Ask) -> Option<Plan> {
    let i = file.victim(ask.now);
    if i >= STREAMS {
        return Some(ASKED);
    }
    file.places.set(file.places.get().saturating_add(1));
    let shared = device.is_some_and(|device| device.is_shared(s, ask.now));
    if let Some(device) = device {
        device.waits(s, ask.now);
    }
    let need = need(device);
    let on = if file.run.get() == 0 { FIRST } else { ON };
    let way = device.map_or(0, |device| device.last_way(s));
    if is_the_kernels(s, file, way, ask) {
        if file.run.get() == 0 {
            file.run.set(FIRST_FAULT);
        }
        let (ahead, behind) = read_around(s, ask);
        remember(file, i, ask, ahead, behind);
        // The kernel marks the last quarter of its window.
        file.guess.set(if ahead > ask.pages { on } else { NOTHING });
        return None;
    }
    let (ahead, behind) = guess(s, file, need, way, ask);
    if let Some((start, size)) = region(s, file, need, shared, ask, ahead.saturating_add(behind)) {
        file.whole.set(file.whole.get().saturating_add(size));
        file.guess.set(UNKNOWN);
        return Some(Plan { start, size, tail: 0 });
    }
    // Cached pages say nothing of where it goes on if the last file did.
    let long = max(ahead, behind) > CHEAP && way != BACKWARD;
    let around = if long { around(s, need, ask) } else { 0 };
    let ahead = max(max(ahead, around), ask.pages);
    let behind = min(max(behind, around), ask.page);
    let size = ahead.saturating_add(behind);
    remember(file, i, ask, ahead, behind);
    let unmarked = s.is_random() && s.is_mmap();
    if size == ask.pages {
        file.guess.set(if unmarked { PROBE } else { NOTHING });
        return Some(ASKED);
    }
    if unmarked {
        file.guess.set(UNKNOWN);
        return Some(Plan { start: ask.page - behind, size, tail: 0 });
    }
    // The mark shows whether the guess was right: at the beginning, if the
    // application is to go back; where it is expected to stop, near its end; else
    // behind what it has asked for.
    let more = ahead - ask.pages;
    let back = behind > more && around == 0;
    // As the last file: it will go on, so that the next window is asked for early.
    let again = back && way == BACKWARD;
    file.guess.set(if again {
        FIRST
    } else if back {
        BACK
    } else {
        on
    });
    let tail = if again {
        ask.pages.saturating_add(behind / 4)
    } else if back {
        size
    } else if ask.page == 0 || around != 0 || file.run.get() > ahead {
        more
    } else {
        max(min(ask.pages, ahead / 2), late(ahead, need))
    };
    Some(Plan { start: ask.page - behind, size, tail })
}

/// Whether a fault is left to the kernel: in a mapping without advice, not at the
/// file's beginning, where what is usual is no more than the kernel reads around
/// it. The kernel's window serves an application that reads more than a page at random
/// places. A file that is to be read backwards, as the last one was, continues the
/// stream of that one.
#[inline(always)]
fn is_the_kernels(s: &State, file: &File, way: u32, ask: Ask) -> bool {
    is_short(s, file) && ask.page != 0 && way != BACKWARD
}

/// Whether an application reads a mapping without advice, and what is usual in it
/// is no more than the kernel reads around a fault.
#[inline(always)]
pub fn is_short(s: &State, file: &File) -> bool {
    s.is_mmap() && !s.is_random() && !s.is_sequential() && file.run.get() <= SHORT
}

/// The pages that the kernel reads around a fault, from its page on and before it.
#[inline(always)]
fn read_around(s: &State, ask: Ask) -> (u32, u32) {
    if s.mmap_miss() >= LOTS_OF_MISSES {
        return (ask.pages, 0);
    }
    let behind = min(s.ra_pages() / 2, ask.page);
    (max(s.ra_pages() - behind, ask.pages), behind)
}

/// Keep a place with what is read of it.
#[inline(always)]
fn remember(file: &File, i: usize, ask: Ask, ahead: u32, behind: u32) {
    file.begin[i].set(ask.page);
    file.low[i].set(ask.page - behind);
    file.high[i].set(ask.page.saturating_add(ahead));
    file.size[i].set(ahead.saturating_add(behind));
    file.restart(i, ask);
    file.set_sense(i, PLACE);
    file.newest.set(i as u32);
}

/// The region around a place, if random reads have come to it often enough to read
/// it whole: they are likely to come again, and then find their pages, whatever the
/// application has said of their order: that is what it cannot know. No region
/// is to be read twice, as it would be where memory does not hold the file: the
/// pages of all that are read are no more than the file's.
#[inline(always)]
fn region(
    s: &State,
    file: &File,
    need: u32,
    shared: bool,
    ask: Ask,
    guess: u32,
) -> Option<(u32, u32)> {
    let known_quick = need != 0 && need < DEPTH.get() * REGION / 4;
    let size = if known_quick || shared { REGION / 4 } else { REGION };
    let file_pages = s.file_pages() as u32;
    let often = file.places.get() >= file_pages / REGION * VISITS / 2;
    if !often || guess > CHEAP || file.whole.get() >= file_pages {
        return None;
    }
    let start = ask.page & !(size - 1);
    let cached = s.cached(start.into(), size);
    let visit = max(guess, ask.pages);
    let left = file_pages - min(file_pages, start);
    // Where less is cached than was read, memory does not hold the file.
    let read = file.places.get() / max(file_pages / REGION, 1) / 2;
    if cached >= max(read, VISITS) * visit { Some((start, min(size, left))) } else { None }
}

/// How much to read on each side of a place in a file that is read in longer
/// pieces, if a quarter of that is cached: then what lies between is likely to be
/// read, too, whatever the order of the pieces.
#[inline(always)]
fn around(s: &State, need: u32, ask: Ask) -> u32 {
    let around = min(need / 2, AROUND);
    if s.is_random() || around <= LEAST {
        return 0;
    }
    let start = ask.page.saturating_sub(around);
    if s.cached(start.into(), 2 * around) >= around / 2 { around } else { 0 }
}

/// The pages to read of a new place, from its page on and before it.
#[inline(always)]
fn guess(s: &State, file: &File, need: u32, way: u32, ask: Ask) -> (u32, u32) {
    // The application's word, as long as it keeps to it. The kernel looks at no
    // marks in a mapping that is advised so: now and then, nothing is guessed.
    let random = s.is_random();
    if random && (file.faith.get() < FAITH || s.is_mmap() && ask.now & 7 == 0) {
        return (0, 0);
    }
    if s.is_sequential() {
        return (max(need / 2, LEAST), 0);
    }
    // The next file is read as the last one, from the same end.
    if way == BACKWARD && ask.page != 0 {
        return (0, max(need / 2, LEAST));
    }
    if ask.page == 0 && !random {
        let share = if way == FORWARD { 2 } else { 8 };
        return (max(max(need / share, LEAST), ask.pages.saturating_mul(4)), 0);
    }
    let (run, behind) = (file.run.get(), file.behind.get());
    if random && s.is_mmap() {
        return (min(run, CHEAP), min(behind, CHEAP));
    }
    if max(run, behind) <= CHEAP {
        return (run, behind);
    }
    let most = max(if file.wrong.get() == 0 { need / 2 } else { need / 4 }, 2 * LEAST);
    // Each wrong guess makes the next one smaller; one that is right restores it.
    // A read that the device delivers in a fraction of a latency needs no evidence.
    let doubts = 2 * min(file.wrong.get(), 8);
    let cheap = max(min(need / 48, LEAST / 2), CHEAP);
    (doubted(min(run, most), doubts, cheap), doubted(min(behind, most), doubts, cheap))
}

/// A guess after wrong ones.
#[inline(always)]
fn doubted(pages: u32, doubts: u32, cheap: u32) -> u32 {
    if pages <= cheap { pages } else { max(pages >> doubts, if doubts > 2 { 0 } else { cheap }) }
}
