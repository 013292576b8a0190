// SPDX-License-Identifier: GPL-2.0-only
//! The cost of a window, given the accesses after the decision.
//!
//! The cost of a decision is what the device spends on it for each page that serves
//! the application: a request costs a latency, counted in pages that could have been
//! read meanwhile ([`LATENCY`]), and each page costs one, used or not. Pages that are
//! not read ahead have to be asked for by themselves, each request with a latency of
//! its own. So a window is worth it where enough of its pages are used, soon: within
//! as many accesses as fill a few such windows ([`SOON`]), since what is read too
//! early may be dropped before.

use crate::learn::Event;
use raext_policy::tree::WINDOWS;
use std::collections::HashSet;

/// The cost of a request beside its pages, in pages. 1 ms at 200 MB/s are 49, 0.1 ms at 2
/// GB/s too, 5 ms at 150 MB/s are 183: one tree for all of them leans to the lower
/// end, where waste weighs more.
pub const LATENCY: f64 = 64.0;

/// Pages accessed, in windows, until a page that was read counts as unused.
pub const SOON: u64 = 4;

/// A cost that cannot be had: nothing of what is read is used.
const WORST: f64 = 1e4;

/// Where a decision's windows lie.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The first page that is read ahead.
    pub from: u64,
    /// Pages that the application waits for, read in any case; 0 at a mark.
    pub asked: u32,
    /// Pages that it asks for at once, at a mark too.
    pub each: u32,
    /// Length of the file.
    pub file: u64,
}

/// The cost of each of [`WINDOWS`] at a place, for each page that is used.
pub fn costs(place: Place, after: &[Event]) -> [f64; WINDOWS.len()] {
    WINDOWS.map(|window| cost(place, window, after))
}

fn cost(place: Place, window: u32, after: &[Event]) -> f64 {
    let asked = f64::from(place.asked);
    if window == 0 {
        // The next page is a request of its own.
        let each = f64::from(place.each.max(1));
        return (LATENCY + each) / each;
    }
    let end = place.from.saturating_add(window.into()).min(place.file);
    let read = end.saturating_sub(place.from) as f64;
    let used = asked + used(place.from, end, u64::from(window) * SOON, after) as f64;
    if used == 0.0 { WORST } else { (LATENCY + asked + read) / used }
}

/// How many of these pages are accessed before so many others were.
fn used(from: u64, end: u64, soon: u64, after: &[Event]) -> usize {
    let (mut used, mut others) = (HashSet::new(), 0);
    for event in after {
        let (Event::Read(first, pages) | Event::Fault(first, pages)) = event else { continue };
        let range = (*first).max(from)..(first + u64::from(*pages)).min(end);
        if range.is_empty() {
            others += u64::from(*pages);
        }
        used.extend(range);
        if others > soon {
            break;
        }
    }
    used.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(costs: [f64; WINDOWS.len()]) -> u32 {
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        WINDOWS[costs.iter().position(|cost| *cost == least).unwrap()]
    }

    const PLACE: Place = Place { from: 4, asked: 4, each: 4, file: 1 << 18 };

    #[test]
    fn what_is_used_is_worth_a_window_and_no_more() {
        assert_eq!(best(costs(PLACE, &[Event::Read(0, 4)])), 0);
        assert_eq!(best(costs(PLACE, &[Event::Read(0, 20)])), 16);
        assert_eq!(best(costs(PLACE, &[Event::Read(0, 68)])), 64);
        let scan: Vec<_> = (0..512).map(|at| Event::Read(at * 4, 4)).collect();
        assert_eq!(best(costs(PLACE, &scan)), 1024);
    }

    #[test]
    fn at_a_mark_that_nobody_follows_nothing_is_read() {
        let mark = Place { asked: 0, ..PLACE };
        assert_eq!(best(costs(mark, &[Event::Read(9000, 4)])), 0);
        assert_eq!(best(costs(mark, &[Event::Fault(4, 70)])), 64);
    }

    #[test]
    fn what_is_used_much_later_does_not_count() {
        let far = |others| {
            let elsewhere = Event::Read(100_000, others);
            best(costs(PLACE, &[Event::Read(0, 4), elsewhere, Event::Read(4, 16)]))
        };
        assert_eq!((far(16), far(100_000)), (16, 0));
    }
}
