// SPDX-License-Identifier: GPL-2.0-only
//! A file, its page cache and its device, in front of which a policy decides.
//!
//! The model is simple, and enough for a policy's logic: one file, one reader, no
//! page ever dropped, a device that serves one request after the other. Measured
//! is with `raext compare`.
//!
//! The kernel's own decision, where a policy leaves it to the kernel ([`Decision::Kernel`]), is
//! modelled, too, after mm/readahead.c and mm/filemap.c of Linux 6.12: the first
//! window and the next ones as `get_init_ra_size()` and `get_next_ra_size()` have
//! them, the read around a fault as `do_sync_mmap_readahead()` has it. Left out
//! is `try_context_readahead()`, by which the kernel knows again a stream that
//! others have interrupted, and whatever a limit ([`crate::Limit`]) would change.

use super::{Access, Range, Stream, forget, put_into_cache, ranges, set_time};
use crate::{Decision, Event, State};
use std::collections::BTreeMap;
use std::vec::Vec;

/// The outcome of an application's stream with a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// How often the application waited for the device.
    pub waits: u64,
    /// Pages that were read from the device.
    pub pages_read: u64,
    /// Those of them that the application came to.
    pub pages_used: u64,
    /// How often the policy was asked.
    pub decisions: u64,
    /// How long it took, ns.
    pub ns: u64,
}

/// The device and the file of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// Until the first page of a request is there, ns.
    pub latency_ns: u64,
    /// For each page of a request, ns.
    pub page_ns: u64,
    /// The application's time for a page, ns.
    pub think_ns: u64,
    /// Length of the file.
    pub file_pages: u64,
    /// The file's own limit, by which the kernel reads ahead.
    pub ra_pages: u32,
}

impl Default for Scene {
    /// 1 ms and 200 MB/s, as the device `cloud` of `raext compare`; 1 GiB; 128 KiB.
    fn default() -> Self {
        Self {
            latency_ns: 1_000_000,
            page_ns: 20_000,
            think_ns: 2_000,
            file_pages: 1 << 18,
            ra_pages: 32,
        }
    }
}

/// Let an application access a file whose readahead `decide` decides, from an
/// empty cache, a policy that remembers nothing, and time 0.
///
/// ```
/// use raext_policy::prelude::*;
/// use raext_policy::testing::{Stream, simulate};
///
/// fn decide(_s: &State) -> Decision {
///     Decision::OnlyAsked
/// }
///
/// let report = simulate(decide, &Stream::sequential(0, 64, 16));
/// assert_eq!((report.waits, report.decisions), (4, 4));
/// assert_eq!((report.pages_read, report.pages_used), (64, 64));
/// ```
pub fn simulate(decide: impl FnMut(&State) -> Decision, stream: &Stream) -> Report {
    Scene::default().simulate(decide, stream)
}

impl Scene {
    /// As [`simulate`], with another device or file.
    pub fn simulate(self, decide: impl FnMut(&State) -> Decision, stream: &Stream) -> Report {
        forget();
        let mut machine = Machine {
            scene: self,
            decide,
            cache: BTreeMap::new(),
            ra: Window::default(),
            prev: None,
            mmap_miss: 0,
            free: 0,
            now: 0,
            report: Report::default(),
        };
        for access in stream.accesses() {
            machine.access(*access);
        }
        Report { ns: machine.now, ..machine.report }
    }
}

/// Pages that a device delivers together.
const TRANSFER: usize = 32;

/// A page in the cache.
struct Page {
    ready: u64,
    marked: bool,
    used: bool,
}

/// A window of the file, as `struct file_ra_state` keeps it.
#[derive(Clone, Copy, Default)]
struct Window {
    start: u64,
    size: u32,
    tail: u32,
}

struct Machine<F> {
    scene: Scene,
    decide: F,
    cache: BTreeMap<u64, Page>,
    ra: Window,
    /// The page that was read last.
    prev: Option<u64>,
    mmap_miss: u32,
    /// When the device has done what it was asked for.
    free: u64,
    now: u64,
    report: Report,
}

impl<F: FnMut(&State) -> Decision> Machine<F> {
    fn access(&mut self, access: Access) {
        let end = access.index.saturating_add(access.pages.into()).min(self.scene.file_pages);
        for page in access.index..end {
            let left = if access.mapped { 1 } else { (end - page) as u32 };
            match self.cache.get_mut(&page) {
                None => {
                    let event = if access.mapped { Event::Fault } else { Event::Miss };
                    self.decision(event, page, left, access.mapped);
                    // A page that was not read ahead is read by itself.
                    self.read(page, 1, None);
                }
                Some(place) if place.marked => {
                    place.marked = false;
                    self.mmap_miss = self.mmap_miss.saturating_sub(1);
                    self.decision(Event::Mark, page, left, access.mapped);
                }
                Some(_) => self.mmap_miss = self.mmap_miss.saturating_sub(1),
            }
            let place = self.cache.get_mut(&page).expect("it was just read");
            self.report.waits += u64::from(place.ready > self.now);
            self.report.pages_used += u64::from(!place.used);
            place.used = true;
            self.now = self.now.max(place.ready) + self.scene.think_ns;
            self.prev = Some(page);
        }
    }

    /// Ask the policy, and read what it says.
    fn decision(&mut self, event: Event, page: u64, left: u32, mapped: bool) {
        let Window { start, size, tail } = self.ra;
        let state = match event {
            Event::Miss => State::miss(page, left),
            Event::Mark => State::mark(page, left),
            Event::Fault => State::fault(page),
        };
        let state = state.with_window(start, size, tail).with(|s| {
            s.file_pages = self.scene.file_pages;
            s.ra_pages = self.scene.ra_pages;
            s.mmap_miss = self.mmap_miss;
            s.prev_pos = self.prev.map_or(-1, |page| (page * crate::PAGE_SIZE) as i64);
            if mapped {
                s.flags |= crate::abi::BPF_FS_RA_MMAP;
            }
        });
        set_time(self.now);
        let (answer, asked) = ranges(|| (self.decide)(&state));
        self.report.decisions += 1;
        let window = match answer {
            Decision::Kernel => self.kernel(event, page, left),
            Decision::OnlyAsked | Decision::Window { size: 0, .. } => None,
            Decision::Window { start, size, async_size } => {
                Some(Window { start, size, tail: async_size.min(size) })
            }
        };
        match window {
            Some(window) => {
                self.ra = window;
                let mark = window.start.saturating_add((window.size - window.tail).into());
                self.read(window.start, window.size, (window.tail > 0).then_some(mark));
            }
            None if event != Event::Mark => self.read(page, left, None),
            None => {}
        }
        for Range { start, pages, marked } in asked {
            let end = start.saturating_add(pages.into());
            let absent = (start..end).find(|page| !self.cache.contains_key(page));
            self.read(start, pages, absent.filter(|_| marked));
        }
    }

    /// The window of the kernel.
    fn kernel(&mut self, event: Event, page: u64, left: u32) -> Option<Window> {
        let most = self.scene.ra_pages;
        let Window { start, size, tail } = self.ra;
        match event {
            Event::Fault => {
                self.mmap_miss = self.mmap_miss.saturating_add(1);
                (self.mmap_miss <= 100 && most > 0).then(|| {
                    let start = page.saturating_sub((most / 2).into());
                    Window { start, size: most, tail: most / 4 }
                })
            }
            Event::Miss => {
                let follows = page == 0 || self.prev.is_some_and(|prev| prev + 1 == page);
                (follows && most > 0).then(|| {
                    let size = first(left, most);
                    Window { start: page, size, tail: if size > left { size - left } else { size } }
                })
            }
            Event::Mark => {
                let mine = size > 0 && page == start + u64::from(size - tail);
                let start = if mine {
                    start + u64::from(size)
                } else {
                    (page + 1..).find(|page| !self.cache.contains_key(page))?
                };
                let size = if mine { following(size, most) } else { first(left, most) };
                (size > 0).then_some(Window { start, size, tail: size })
            }
        }
    }

    /// Read what is absent of a range, as one request.
    fn read(&mut self, start: u64, pages: u32, mark: Option<u64>) {
        let end = start.saturating_add(pages.into()).min(self.scene.file_pages);
        let begin = self.now.max(self.free);
        let absent: Vec<_> = (start..end).filter(|page| !self.cache.contains_key(page)).collect();
        let mut read = 0;
        for transfer in absent.chunks(TRANSFER) {
            read += transfer.len() as u64;
            let ready = begin + self.scene.latency_ns + read * self.scene.page_ns;
            for &page in transfer {
                self.cache.insert(page, Page { ready, marked: mark == Some(page), used: false });
            }
        }
        put_into_cache(absent);
        // Requests overlap in their latency, not on the wire.
        self.free = begin + read * self.scene.page_ns;
        self.report.pages_read += read;
    }
}

/// The first window of a stream.
fn first(asked: u32, most: u32) -> u32 {
    let size = asked.min(most.max(1)).next_power_of_two();
    let size = match size {
        _ if size <= most / 32 => size.saturating_mul(4),
        _ if size <= most / 4 => size.saturating_mul(2),
        _ => most,
    };
    size.min(most)
}

/// The window that follows one.
fn following(last: u32, most: u32) -> u32 {
    match last {
        _ if last < most / 16 => last.saturating_mul(4),
        _ if last <= most / 2 => last.saturating_mul(2),
        _ => most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(_s: &State) -> Decision {
        Decision::Kernel
    }

    fn only_asked(_s: &State) -> Decision {
        Decision::OnlyAsked
    }

    fn halves(s: &State) -> Decision {
        let end = s.start() + u64::from(s.size());
        let start = if s.event() == Event::Mark { end } else { s.index() };
        Decision::Window { start, size: 256, async_size: 128 }
    }

    #[test]
    fn the_kernel_reads_a_scan_ahead_and_a_policy_further() {
        let scan = Stream::sequential(0, 4096, 16);
        // The application is slower than the device: only the latency is waited for.
        let scene = Scene { think_ns: 40_000, ..Scene::default() };
        let [kernel, halves] = [scene.simulate(kernel, &scan), scene.simulate(halves, &scan)];
        assert_eq!(kernel.pages_used, 4096);
        assert!(kernel.decisions >= 4096 / 32 && kernel.decisions < 140, "{kernel:?}");
        assert_eq!(halves.decisions, 4096 / 256 + 1);
        assert!(halves.ns < kernel.ns, "{halves:?} {kernel:?}");
        assert!(halves.waits < kernel.waits, "{halves:?} {kernel:?}");
        assert_eq!(halves.pages_read, 4096 + 256);
    }

    #[test]
    fn around_a_random_fault_the_kernel_reads_much() {
        let faults = Stream::random(1, 1 << 18, 50, 1).mapped();
        let [kernel, alone] = [simulate(kernel, &faults), simulate(only_asked, &faults)];
        assert!(kernel.pages_read > 31 * 50 && kernel.pages_read <= 32 * 50, "{kernel:?}");
        assert_eq!((alone.pages_read, alone.waits, alone.decisions), (50, 50, 50));
    }

    #[test]
    fn random_reads_are_read_alone_by_the_kernel_too() {
        let reads = Stream::random(1, 1 << 18, 50, 4);
        let report = simulate(kernel, &reads);
        assert_eq!((report.pages_read, report.waits), (200, 50));
    }

    #[test]
    fn a_window_elsewhere_leaves_the_application_waiting() {
        let elsewhere =
            |s: &State| Decision::Window { start: s.index() + 64, size: 8, async_size: 0 };
        let report = simulate(elsewhere, &Stream::strided(0, 1000, 3, 2));
        // Both pages of each read are absent, and read one by one.
        assert_eq!((report.decisions, report.waits), (6, 6));
        assert_eq!(report.pages_used, 6);
    }

    #[test]
    fn marked_ranges_ask_again() {
        let once = |s: &State| {
            if s.event() == Event::Miss {
                s.prefetch_marked(s.index() + 100, 4);
                s.prefetch(s.index() + 200, 4);
            }
            Decision::OnlyAsked
        };
        let report = simulate(once, &Stream::strided(0, 100, 3, 4));
        assert_eq!((report.decisions, report.pages_read), (2, 12));
    }

    #[test]
    fn nothing_lies_behind_the_end_of_the_file() {
        let scene = Scene { file_pages: 100, ..Scene::default() };
        let report = scene.simulate(halves, &Stream::sequential(0, 4096, 16));
        assert_eq!((report.pages_read, report.pages_used), (100, 100));
    }
}
