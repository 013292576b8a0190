// SPDX-License-Identifier: GPL-2.0-only
//! New places: what is usually read on from one, and before it, is read in one go,
//! and a mark tells whether that was right.

use crate::DEPTH;
use crate::device::{BACKWARD, Device, FORWARD, need};
use crate::file::{BACK, FIRST, File, NOTHING, ON, PLACE, PROBE, STREAMS, UNKNOWN};
use crate::plan::{ASKED, Ask, LEAST, Plan, max, min};
use crate::stream::late;
use raext_policy::prelude::*;

/// What is read at the first fault in a file, pages.
const FIRST_FAULT: u32 = 16;
/// What costs next to nothing beside any latency, pages.
const CHEAP: u32 = 2;
/// Pages of a region; a quarter of it where the device is known to deliver less
/// than that in its latency.
const REGION: u32 = 128;
/// Visits of a region that let it be read whole.
const VISITS: u32 = 4;
/// What is read on each side of a place among cached pages at most, pages.
const AROUND: u32 = 256;
/// So many wrong guesses in a row show that nothing is to be guessed.
const HOPELESS: u32 = 2;
/// One place in so many pages of a file shows that it is read at random all over.
const MANY: u32 = 1024;
/// What is read around a fault meanwhile at most, pages.
const MEANWHILE: u32 = 16;
/// A page of it for so much of a wait, µs: an eighth of that, at 100 MB/s.
const MEANWHILE_US: u32 = 300;
/// How many more places must be followed than not until what the application
/// said of random access is not believed.
const FAITH: u32 = 4;

/// Read of a new place what is usual, and remember it.
#[inline(always)]
pub fn begin(s: &State, file: &File, device: Option<&Device>, ask: Ask) -> Plan {
    let i = file.victim(ask.now);
    if i >= STREAMS {
        return ASKED;
    }
    file.places.set(file.places.get().saturating_add(1));
    let shared = device.is_some_and(|device| device.is_shared(s, ask.now));
    let waited = device.map_or(0, |device| device.waits(s, ask.now));
    let need = need(device);
    let on = if file.run.get() == 0 { FIRST } else { ON };
    let way = device.map_or(0, |device| device.last_way(s));
    let (ahead, behind) = guess(s, file, need, way, ask);
    if let Some((start, size)) = region(s, file, need, shared, ask, ahead.saturating_add(behind)) {
        file.whole.set(file.whole.get().saturating_add(size));
        file.guess.set(UNKNOWN);
        return Plan { start, size, tail: 0 };
    }
    let idle = !shared && max(ahead, behind) <= 1;
    let meanwhile = if idle { meanwhile(s, file, waited, ask) } else { 0 };
    let (ahead, behind) = if meanwhile != 0 {
        let before = ask.page & (meanwhile - 1);
        (meanwhile - before, before)
    } else {
        (ahead, behind)
    };
    // Cached pages say nothing of where it goes on if the last file did.
    let long = max(ahead, behind) > CHEAP && meanwhile == 0 && way != BACKWARD;
    let around = if long { around(s, need, ask) } else { 0 };
    let ahead = max(max(ahead, around), ask.pages);
    let behind = min(max(behind, around), ask.page);
    let size = ahead.saturating_add(behind);
    file.begin[i].set(ask.page);
    file.low[i].set(ask.page - behind);
    file.high[i].set(ask.page.saturating_add(ahead));
    file.size[i].set(size);
    file.hear(i, ask);
    file.set_sense(i, PLACE);
    file.newest.set(i as u32);
    let unmarked = s.is_random() && s.is_mmap();
    if size == ask.pages {
        file.guess.set(if unmarked { PROBE } else { NOTHING });
        return ASKED;
    }
    if unmarked || meanwhile != 0 {
        file.guess.set(UNKNOWN);
        return Plan { start: ask.page - behind, size, tail: 0 };
    }
    // The mark tells whether the guess was right: at the beginning, if the
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
    Plan { start: ask.page - behind, size, tail }
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

/// How much to read around a fault among random ones while the device has nothing
/// else to do, pages (a power of two; 0 for none): later faults come there, too, as
/// long as memory holds what was read. The kernel does so at every fault.
#[inline(always)]
fn meanwhile(s: &State, file: &File, waited: u32, ask: Ask) -> u32 {
    let places = file.places.get();
    // Of places that are read around, nobody hears whether they were followed: hence
    // it has to be certain before that they are not.
    let alone = file.wrong.get() >= HOPELESS && file.faith.get() == 0;
    let random = s.is_mmap() && alone && !s.is_random();
    let enough = s.file_pages() as u32 / MANY;
    if !random || places < enough || places < file.sampled.get() {
        return 0;
    }
    let idle = waited / MEANWHILE_US;
    let size = match idle {
        MEANWHILE.. => MEANWHILE,
        8.. => 8,
        4.. => 4,
        _ => return 0,
    };
    if file.sample.get() == 0 || places >= 2 * file.sampled.get() {
        file.sample.set(ask.page);
        file.sampled.set(places);
    } else if s.cached((file.sample.get() & !(size - 1)).into(), size) < size / 2 {
        // Memory does not hold it: not before twice as many.
        file.sample.set(0);
        file.sampled.set(2 * places);
        return 0;
    }
    size
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

/// What to read of a new place from its page on, and before it, pages.
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
    if file.run.get() == 0 && s.is_mmap() && !random {
        file.run.set(FIRST_FAULT);
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
    // What the device delivers in a fraction of a latency is not worth a doubt.
    let doubts = 2 * min(file.wrong.get(), 8);
    let cheap = max(min(need / 48, LEAST / 2), CHEAP);
    (doubted(min(run, most), doubts, cheap), doubted(min(behind, most), doubts, cheap))
}

/// A guess after wrong ones.
#[inline(always)]
fn doubted(pages: u32, doubts: u32, cheap: u32) -> u32 {
    if pages <= cheap { pages } else { max(pages >> doubts, if doubts > 2 { 0 } else { cheap }) }
}
