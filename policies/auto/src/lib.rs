// SPDX-License-Identifier: GPL-2.0-only
//! `auto` learns how each file is read and what its device needs, and replaces the
//! one number that is otherwise set for everybody. docs/auto.md has its states as
//! a drawing.
//!
//! A miss belongs to a stream that it continues ([`mod@file`]), or to a walk at equal
//! distances ([`walk`]), or it is a new place. Of a place just what is usual in
//! this file is read ([`place`]), by the kernel if that is little in a mapping; a
//! stream gets windows as large as its device needs ([`device`]), the next one asked
//! for as soon as the application enters the last.

#![no_std]

pub mod device;
pub mod file;
pub mod place;
pub mod plan;
pub mod stream;
pub mod walk;

#[cfg(test)]
mod hindsight;
#[cfg(test)]
mod tests;

use device::DEVICES;
use file::{FILES, File, STREAMS};
use plan::{ASKED, Ask, LEAST, Plan};
use raext_policy::prelude::*;

tunable! {
    /// The largest window of a stream, KiB.
    pub static LIMIT_KB: u32 = 16384, in 128..=65536;
}

tunable! {
    /// How much is read in front of a stream: what the device delivers in so many
    /// of its latencies.
    pub static DEPTH: u32 = 2, in 1..=64;
}

tunable! {
    /// Steps of a walk that are asked for at once.
    pub static STEPS: u32 = 64, in 2..=64;
}

policy! {
    name: "auto",
    decide: decide,
}

/// Pages that fit into the policy's memory: 16 TiB.
const MOST: u64 = u32::MAX as u64;

fn decide(s: &State) -> Decision {
    if s.file_pages() >= MOST || s.is_hugepage() {
        return Decision::Kernel;
    }
    // A small file is read whole; there is nothing to be learned of it.
    if s.index() == 0 && s.file_pages() <= u64::from(LEAST) && !s.is_random() {
        let size = if s.event() == Event::Mark { 0 } else { s.file_pages() as u32 };
        return Decision::Window { start: 0, size, async_size: 0 };
    }
    let req = s.req_pages();
    let pages = if req == 0 { 1 } else { req };
    let ask = Ask { page: s.index() as u32, pages, now: (now_ns() / 1000) as u32 };
    let Some(file) = FILES.of(s) else {
        return Decision::Kernel;
    };
    let plan =
        if s.event() == Event::Mark { Some(marked(s, file, ask)) } else { missed(s, file, ask) };
    let Some(plan) = plan else {
        return Decision::Kernel;
    };
    let plan = plan.within(s.file_pages() as u32);
    Decision::Window { start: plan.start.into(), size: plan.size, async_size: plan.tail }
}

/// The application came to a mark: nothing has to be waited for yet.
#[inline(always)]
fn marked(s: &State, file: &File, ask: Ask) -> Plan {
    if file.walk.mark.get() != 0 && file.walk.mark.get() == ask.page {
        file.walk.go_on(s, ask.page, file.run.get());
        return ASKED;
    }
    let i = file.owner(ask.page);
    if i < STREAMS {
        return stream::marked(s, file, i, ask);
    }
    // The mark of another decision, on the way of a stream, gives no evidence.
    if file.is_on_the_way(ask.page) { ASKED } else { stream::adopt(s, file, ask) }
}

/// The application waits. None if the kernel is to read.
#[inline(always)]
fn missed(s: &State, file: &File, ask: Ask) -> Option<Plan> {
    let i = file.follower(ask.page, ask.pages);
    if i < STREAMS {
        return Some(stream::followed(s, file, i, ask));
    }
    file.learn_habit();
    let certain = if s.is_random() { 1 } else { 0 };
    if file.walk.missed(ask.page, ask.pages, certain) {
        file.walk.go_on(s, ask.page, file.run.get());
        return Some(ASKED);
    }
    place::begin(s, file, DEVICES.of(s), ask)
}
