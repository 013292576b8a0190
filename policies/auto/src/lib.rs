// SPDX-License-Identifier: GPL-2.0-only
//! `auto` learns how each file is read and what its device needs, and replaces the
//! one number that is otherwise set for everybody. docs/auto.md has its states as
//! a drawing.
//!
//! A miss belongs to a stream that it continues ([`file`]), or to a walk at equal
//! distances ([`walk`]), or it is a new place. Of a place just what is usual in
//! this file is read; a stream gets windows as large as its device needs
//! ([`device`]), the next one asked for as soon as the application enters the
//! last.

#![no_std]

pub mod device;
pub mod file;
pub mod walk;

#[cfg(test)]
mod tests;

use device::DEVICES;
use file::{AHEAD, BACK, FILES, File, NOTHING, ON, PLACE, PROBE, STREAMS, UNKNOWN, WAITED};
use raext_policy::prelude::*;

tunable! {
    /// The largest window of a stream, KiB.
    pub static LIMIT_KB: u32 = 16384, in 128..=65536;
}

tunable! {
    /// How much is read in front of a stream: what the device delivers in so many
    /// of its latencies.
    pub static DEPTH: u32 = 3, in 1..=64;
}

tunable! {
    /// Steps of a walk that are asked for at once.
    pub static STEPS: u32 = 64, in 2..=64;
}

policy! {
    name: "auto",
    decide: decide,
}

/// The least window of a stream that is sure of itself, pages.
const LEAST: u32 = 32;
/// What is read at the first fault in a file, pages.
const FIRST_FAULT: u32 = 16;
/// What costs next to nothing beside any latency, pages.
const CHEAP: u32 = 2;
/// How many more places must be followed than not until what the application
/// said of random access is not believed.
const FAITH: u32 = 4;
/// Pages that fit into the policy's memory: 16 TiB.
const MOST: u64 = u32::MAX as u64;

/// What a decision is about.
#[derive(Clone, Copy)]
struct Ask {
    page: u32,
    pages: u32,
    /// µs.
    now: u32,
}

/// What is to be read; nothing but what was asked for if `size` is 0.
#[derive(Clone, Copy)]
struct Plan {
    start: u32,
    size: u32,
    tail: u32,
}

const ASKED: Plan = Plan { start: 0, size: 0, tail: 0 };

fn decide(s: &State) -> Decision {
    if s.file_pages() >= MOST || s.is_hugepage() {
        return Decision::Kernel;
    }
    let req = s.req_pages();
    let pages = if req == 0 { 1 } else { req };
    let ask = Ask { page: s.index() as u32, pages, now: (now_ns() / 1000) as u32 };
    let Some(file) = FILES.of(s) else {
        return Decision::Kernel;
    };
    let plan = if s.event() == Event::Mark { marked(s, file, ask) } else { missed(s, file, ask) };
    Decision::Window { start: plan.start.into(), size: plan.size, async_size: plan.tail }
}

/// The application came to a mark: nothing has to be waited for yet.
#[inline(always)]
fn marked(s: &State, file: &File, ask: Ask) -> Plan {
    if file.walk.mark.get() != 0 && file.walk.mark.get() == ask.page {
        file.walk.go_on(s, ask.page, file.run.get());
        return ASKED;
    }
    let mut i = file.owner(ask.page);
    if i >= STREAMS {
        // The kernel's own, or one that was forgotten: a stream from here on.
        i = file.victim(ask.now);
        if i >= STREAMS {
            return ASKED;
        }
        file.begin[i].set(ask.page);
        file.low[i].set(ask.page);
        file.high[i].set(ask.page.saturating_add(s.cached(ask.page.into(), LEAST)));
        file.size[i].set(LEAST);
        file.at[i].set(ask.page);
        file.time[i].set(ask.now);
        file.set_sense(i, AHEAD);
        return window(s, file, i, ask, LEAST);
    }
    let took = ask.now.wrapping_sub(file.time[i].get());
    let came = ask.page.abs_diff(file.at[i].get());
    let sense = file.sense(i);
    file.at[i].set(ask.page);
    file.time[i].set(ask.now);
    file.came(i, ask.page, ask.pages);
    file.wrong.set(0);
    if sense == PLACE {
        file.believe();
    }
    let back = sense < 0 || ask.page < file.begin[i].get();
    if sense == PLACE && !(if back { goes_back(file, i) } else { goes_on(file, i) }) {
        return ASKED;
    }
    file.set_sense(i, if back { -AHEAD } else { AHEAD });
    let Some(device) = DEVICES.of(s) else {
        return ASKED;
    };
    let limit = LIMIT_KB.get() / 4;
    let (last, asked) = (file.size[i].get(), ask.pages);
    let most = last.saturating_mul(4);
    // Its rate is not known yet.
    let mut size = if sense.unsigned_abs() <= WAITED as u32 {
        device.waited(took);
        most
    } else {
        device.need(came, took, limit)
    };
    size = min(size, most);
    size = max(size, last / 2);
    size = max(size, min(LEAST, last.saturating_mul(4)));
    size = max(size, asked.saturating_mul(2));
    window(s, file, i, ask, min(size, limit))
}

/// Whether the application usually goes on, behind what was guessed for this
/// place.
#[inline(always)]
fn goes_on(file: &File, i: usize) -> bool {
    let begin = file.begin[i].get();
    begin == 0 || file.run.get() > file.high[i].get().wrapping_sub(begin)
}

/// Likewise, before it.
#[inline(always)]
fn goes_back(file: &File, i: usize) -> bool {
    file.behind.get() > file.begin[i].get().wrapping_sub(file.low[i].get())
}

/// The application waits.
#[inline(always)]
fn missed(s: &State, file: &File, ask: Ask) -> Plan {
    let i = file.follower(ask.page, ask.pages);
    if i < STREAMS {
        return followed(s, file, i, ask);
    }
    file.learn_habit();
    let certain = if s.is_random() { 1 } else { 0 };
    if file.walk.missed(ask.page, ask.pages, certain) {
        file.walk.go_on(s, ask.page, file.run.get());
        return ASKED;
    }
    let i = file.victim(ask.now);
    if i >= STREAMS {
        return ASKED;
    }
    let (ahead, behind) = guess(s, file, ask);
    let ahead = max(ahead, ask.pages);
    let behind = min(behind, ask.page);
    let size = ahead.saturating_add(behind);
    file.begin[i].set(ask.page);
    file.low[i].set(ask.page - behind);
    file.high[i].set(ask.page.saturating_add(ahead));
    file.size[i].set(size);
    file.at[i].set(ask.page);
    file.time[i].set(ask.now);
    file.set_sense(i, PLACE);
    file.newest.set(i as u32);
    let unmarked = s.is_random() && s.is_mmap();
    if size == ask.pages {
        file.guess.set(if unmarked { PROBE } else { NOTHING });
        return ASKED;
    }
    if unmarked {
        file.guess.set(UNKNOWN);
        return Plan { start: ask.page - behind, size, tail: 0 };
    }
    // The mark tells whether the guess was right: at the beginning, if the
    // application is to go back; where it is expected to stop, near its end; else
    // behind what it has asked for.
    let more = ahead - ask.pages;
    file.guess.set(if behind > more { BACK } else { ON });
    let tail = if behind > more {
        size
    } else if goes_on(file, i) {
        more
    } else {
        min(max(ask.pages, ahead / 4), ahead / 2)
    };
    Plan { start: ask.page - behind, size, tail }
}

/// What streams on this device needed in flight, pages; 0 if not known.
#[inline(always)]
fn device_need(s: &State) -> u32 {
    match DEVICES.of(s) {
        Some(device) => device.need.get(),
        None => 0,
    }
}

/// What to read of a new place from its page on, and before it, pages.
#[inline(always)]
fn guess(s: &State, file: &File, ask: Ask) -> (u32, u32) {
    // The application's word, as long as it keeps to it. The kernel looks at no
    // marks in a mapping that is advised so: now and then, nothing is guessed.
    let random = s.is_random();
    if random && (file.faith.get() < FAITH || s.is_mmap() && ask.now & 7 == 0) {
        return (0, 0);
    }
    if s.is_sequential() {
        return (max(device_need(s) / 2, LEAST), 0);
    }
    if ask.page == 0 && !random {
        return (max(max(device_need(s) / 8, LEAST), ask.pages.saturating_mul(4)), 0);
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
    let need = device_need(s);
    let most = max(need / 8, LEAST);
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

/// The application waits for the continuation of a stream.
#[inline(always)]
fn followed(s: &State, file: &File, i: usize, ask: Ask) -> Plan {
    let (sense, last, high) = (file.sense(i), file.size[i].get(), file.high[i].get());
    let back = ask.page < file.at[i].get();
    let usual = if back { file.behind.get() } else { file.run.get() };
    let doubts = 2 * min(file.wrong.get(), 8);
    file.came(i, ask.page, ask.pages);
    file.wrong.set(file.wrong.get().saturating_sub(1));
    if sense == PLACE {
        file.believe();
    }
    file.at[i].set(ask.page);
    file.time[i].set(ask.now);
    file.set_sense(i, if back { -WAITED } else { WAITED });
    let mut size = ask.pages.saturating_mul(4);
    if sense != PLACE {
        // A window that has gone again was too large, or it is not the stream;
        // one that ended without a mark was right.
        let gone = if back { ask.page >= file.low[i].get() } else { ask.page < high };
        size = max(size, if gone { 0 } else { last });
    } else if s.is_random() {
        // Against the application's word, once is not enough.
        return asked_only(file, i, ask, back);
    } else {
        size = max(size, last.saturating_mul(2));
        size = max(size, (min(usual, device_need(s)) / 2) >> doubts);
    }
    size = min(size, LIMIT_KB.get() / 4);
    if back {
        let start = ask.page.saturating_sub(size);
        let size = ask.page - start;
        file.low[i].set(start);
        file.high[i].set(ask.page.saturating_add(ask.pages));
        file.size[i].set(size);
        let tail = min(size, ask.pages).saturating_add(ask.pages);
        return Plan { start, size: size.saturating_add(ask.pages), tail };
    }
    let size = max(size, ask.pages);
    file.high[i].set(ask.page.saturating_add(size));
    file.size[i].set(size);
    Plan { start: ask.page, size, tail: size - ask.pages }
}

/// Only what was asked for, and the stream goes on behind it.
#[inline(always)]
fn asked_only(file: &File, i: usize, ask: Ask, back: bool) -> Plan {
    if back {
        file.low[i].set(ask.page);
    } else {
        file.high[i].set(ask.page.saturating_add(ask.pages));
    }
    file.size[i].set(ask.pages);
    ASKED
}

/// The next window of a stream.
#[inline(always)]
fn window(s: &State, file: &File, i: usize, ask: Ask, size: u32) -> Plan {
    if file.sense(i) < 0 {
        let low = file.low[i].get();
        let size = min(size, low);
        file.low[i].set(low - size);
        file.size[i].set(size);
        return Plan { start: low - size, size, tail: min(size, ask.pages) };
    }
    let start = file.high[i].get();
    let left = s.file_pages().saturating_sub(start.into()) as u32;
    let size = min(size, left);
    file.high[i].set(start.saturating_add(size));
    file.size[i].set(size);
    Plan { start, size, tail: size }
}

#[inline(always)]
fn min(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn max(a: u32, b: u32) -> u32 {
    if a > b { a } else { b }
}
