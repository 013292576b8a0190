// SPDX-License-Identifier: GPL-2.0-only
//! Streams: windows as large as the device needs, each asked for when the
//! application enters the one before.

use crate::device::{DEVICES, need};
use crate::file::{AHEAD, FIRST, File, PLACE, STREAMS, WAITED};
use crate::place::is_short;
use crate::plan::{ASKED, Ask, LEAST, Plan, max, min};
use crate::{DEPTH, LIMIT_KB};
use raext_policy::prelude::*;

/// How far from the beginning of a window its mark may be, pages.
const NEAR: u32 = 32;
/// Less is not worth a request, pages.
const LITTLE: u32 = 8;
/// Windows from here on double instead of becoming four times as large, pages.
const SURE: u32 = 256;

/// The application has come to the mark of a stream, or of a place.
#[inline(always)]
pub fn marked(s: &State, file: &File, i: usize, ask: Ask) -> Plan {
    let took = ask.now.wrapping_sub(file.time[i].get());
    let came = ask.page.abs_diff(file.at[i].get());
    let sense = file.sense(i);
    let back = sense < 0 || ask.page < file.begin[i].get();
    let mut left = left_of_habit(file, i, ask, back);
    if sense == PLACE && file.guess.get() == FIRST && file.newest.get() == i as u32 {
        left = u32::MAX;
    }
    let two = ask.now.wrapping_sub(file.since[i].get());
    file.at[i].set(ask.page);
    file.since[i].set(file.time[i].get());
    file.time[i].set(ask.now);
    file.came(i, ask.page, ask.pages);
    file.wrong.set(0);
    if sense == PLACE {
        file.believe();
    }
    // Having just gone further than usual, it may go on: no growth, but no halt.
    let left = if left == 0 && sense.abs() == WAITED { file.size[i].get() } else { left };
    // At the end of what is usual, a little more is asked for where that costs
    // little beside a wait, both against the latency and against what was read.
    let usual = if back { file.behind.get() } else { file.run.get() };
    let device = DEVICES.of(s);
    let need = need(device);
    let more = min(usual / 2, need / (2 * DEPTH.get()));
    let left = if left < more && more >= LITTLE { more } else { left };
    // Behind a fault that was the kernel's, its window is followed by another one of
    // that size, as the kernel does.
    let kernels = sense == PLACE && !back && is_short(s, file);
    let left = if kernels { max(left, file.size[i].get()) } else { left };
    if left == 0 {
        return ASKED;
    }
    file.set_sense(i, if back { -AHEAD } else { AHEAD });
    let Some(device) = device else {
        return ASKED;
    };
    let limit = LIMIT_KB.get() / 4;
    let (last, asked) = (file.size[i].get(), ask.pages);
    let mut most = last.saturating_mul(if last < SURE { 4 } else { 2 });
    // Its rate is not known yet if it waited.
    let mut size = if sense.unsigned_abs() <= WAITED as u32 {
        device.waited(took);
        most
    } else {
        device.passed(two);
        // Another reader of this device waits the shorter the less is asked for.
        let shared = device.is_shared(s, ask.now);
        if shared {
            most = max(last.saturating_add(last / 8), min(most, 4 * LEAST));
        }
        device.need(came, took, if shared { 1 } else { DEPTH.get() }, limit)
    };
    size = min(size, most);
    size = max(size, last / 2);
    size = max(size, min(LEAST, last.saturating_mul(4)));
    size = max(size, asked.saturating_mul(2));
    size = min(size, limit);
    let plan = window(s, file, i, ask, min(size, left));
    let end = u64::from(plan.start.saturating_add(plan.size));
    let ends = if back { plan.start == 0 } else { end >= s.file_pages() };
    if ends {
        device.ends(s, back);
    }
    // The last window of what is usual: marked near its end, to learn whether it
    // still is.
    if size < left || back || kernels { plan } else { Plan { tail: late(plan.size, need), ..plan } }
}

/// Where a window that may be the last one is marked, pages before its end: as late
/// as can be without a wait, if it is not.
#[inline(always)]
pub fn late(size: u32, need: u32) -> u32 {
    min(max(size / 4, need / (2 * DEPTH.get())), size / 2)
}

/// How much of what the application usually reads from a place on was not read
/// yet, pages; no limit where it has gone further than usual, or reads a file from
/// its beginning.
#[inline(always)]
fn left_of_habit(file: &File, i: usize, ask: Ask, back: bool) -> u32 {
    let begin = file.begin[i].get();
    let (usual, came, done) = if back {
        (file.behind.get(), begin.saturating_sub(ask.page), begin - min(begin, file.low[i].get()))
    } else {
        let came = ask.page.saturating_add(ask.pages).saturating_sub(begin);
        (file.run.get(), came, file.high[i].get().saturating_sub(begin))
    };
    if came >= usual && file.sense(i) != PLACE || begin == 0 && !back {
        u32::MAX
    } else {
        usual.saturating_sub(done)
    }
}

/// A mark that belongs to no stream: the kernel's own, or one that was forgotten.
/// It is one from here on.
#[inline(always)]
pub fn adopt(s: &State, file: &File, ask: Ask) -> Plan {
    let i = file.victim(ask.now);
    if i >= STREAMS {
        return ASKED;
    }
    file.begin[i].set(ask.page);
    file.low[i].set(ask.page);
    file.high[i].set(ask.page.saturating_add(s.cached(ask.page.into(), LEAST)));
    file.size[i].set(LEAST);
    file.restart(i, ask);
    // The time of the request for these pages is not known.
    file.since[i].set(ask.now.wrapping_sub(u32::MAX / 2));
    file.set_sense(i, AHEAD);
    window(s, file, i, ask, LEAST)
}

/// The application waits for the continuation of a stream.
#[inline(always)]
pub fn followed(s: &State, file: &File, i: usize, ask: Ask) -> Plan {
    let (sense, last, high) = (file.sense(i), file.size[i].get(), file.high[i].get());
    let back = ask.page < file.at[i].get();
    let usual = if back { file.behind.get() } else { file.run.get() };
    let doubts = 2 * min(file.wrong.get(), 8);
    file.wrong.set(file.wrong.get().saturating_sub(1));
    if sense == PLACE {
        file.believe();
        file.passed(i, ask.page, ask.pages);
    } else {
        file.came(i, ask.page, ask.pages);
    }
    file.restart(i, ask);
    file.set_sense(i, if back { -WAITED } else { WAITED });
    let mut size = ask.pages.saturating_mul(4);
    if sense != PLACE {
        // A window that has gone again was too large, or it is not the stream;
        // one that ended without a mark was right.
        let gone = if back { ask.page >= file.low[i].get() } else { ask.page < high };
        let last = if gone { 0 } else { last };
        // Where there are no marks, each window is waited for: as much again as the
        // stream has come already.
        let unmarked = s.is_random() && s.is_mmap();
        size = max(size, if unmarked { last.saturating_mul(2) } else { last });
    } else if s.is_random() {
        // Against the application's word, once is not enough.
        return asked_only(file, i, ask, back);
    } else {
        // Of what was guessed, the side on which it goes on was right.
        let begin = file.begin[i].get();
        let right =
            if back { begin - min(begin, file.low[i].get()) } else { high - min(high, begin) };
        size = max(size, max(right.saturating_mul(2), if s.is_mmap() { LEAST } else { 0 }));
        let need = need(DEVICES.of(s));
        size = max(size, max(min(usual, need) / 2, need / 12) >> doubts);
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
        let start = low - size;
        let there = s.cached((low - min(low, NEAR)).into(), NEAR);
        return Plan { start, size, tail: min(size, ask.pages.saturating_add(there)) };
    }
    let start = file.high[i].get();
    let left = s.file_pages().saturating_sub(start.into()) as u32;
    let size = min(size, left);
    file.high[i].set(start.saturating_add(size));
    file.size[i].set(size);
    // A page that is cached already cannot be marked.
    let there = s.cached(start.into(), min(size, NEAR));
    Plan { start, size, tail: if there < size { size - there } else { size } }
}
