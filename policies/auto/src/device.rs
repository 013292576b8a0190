// SPDX-License-Identifier: GPL-2.0-only
//! The pages that a device needs in front of an application: its latency times the rate at
//! which the application goes on, learned from what is seen of both.
//!
//! A stream that waited for its first pages shows the latency: the time from
//! the miss to the mark behind them. Later, the time from asking for a window to the
//! application's coming to its end is more than the latency in any case.
//! From mark to mark, a stream shows its rate. As long
//! as windows are too small, the latency is most of that time and the rate grows
//! with the window; so the need does, and the window after it, until the device
//! or the application is the limit. That is how TCP BBR finds the size of its
//! pipe (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016).

use crate::plan::{max, min};
use raext_policy::prelude::*;

shared! {
    /// The memory of a device.
    pub struct Device {
        /// The shortest wait for a page, µs; 0 if not known.
        pub latency: Word,
        /// The pages that a stream needed in flight; decays.
        pub need: Word,
        /// A longer wait is believed by this part of the difference; 0 at first.
        pub slowly: Word,
        /// The time of the last wait for a page at a new place, µs.
        pub place: Word,
        /// The task of that wait.
        pub task: Word,
        /// In which file, by the lower half of its inode's number.
        pub ino: Word,
        /// The task whose stream came to the end of a file last,
        pub ender: Word,
        /// that file, likewise,
        pub ended: Word,
        /// and whether that was its beginning; 0 once that was made use of.
        pub way: Word,
    }
}

memory! {
    /// The devices that are read from.
    pub static DEVICES: PerDeviceInPlace<Device, 64>;
}

/// No first wait is believed to be longer, µs: the application may have been busy
/// with what it had read.
const FIRST_US: u32 = 16_000;
/// Half of a shorter wait's difference is believed at once, of a longer one's this part
/// at first,
const SOON: u32 = 4;
/// and by this part of it at last.
const SLOWLY: u32 = 64;
/// A file was read from its beginning to its end.
pub const FORWARD: u32 = 1;
/// Likewise, from its end to its beginning.
pub const BACKWARD: u32 = 2;
/// For so many latencies after another task waited, the device is shared.
const SHARED: u32 = 8;

impl Device {
    /// A stream waited so long for its first pages, µs.
    #[inline(always)]
    pub fn waited(&self, us: u32) {
        let known = self.latency.get();
        if known == 0 {
            self.latency.set(min(us, FIRST_US));
        } else if us < known {
            self.latency.set(known - (known - us).div_ceil(2));
        } else {
            let slowly = max(self.slowly.get(), SOON);
            self.latency.set(known + min(us - known, known) / slowly);
            self.slowly.set(min(2 * slowly, SLOWLY));
        }
    }

    /// A stream has come to the end of a window that was asked for so long ago, µs:
    /// it may have waited for it, or not. Not believed at once, since others may have
    /// read those pages before.
    #[inline(always)]
    pub fn passed(&self, us: u32) {
        let known = self.latency.get();
        if us < known {
            self.latency.set(known - (known - us).div_ceil(4));
        }
    }

    /// This task waits for a page at a new place of this file.
    #[inline(always)]
    pub fn waits(&self, s: &State, now: u32) {
        self.place.set(now);
        self.ino.set(s.i_ino() as u32);
        self.task.set(task_id());
    }

    /// Whether another task has lately waited for a page of another file: what a
    /// stream asks for beyond its need, that task waits for. One that reads the same
    /// file finds what the stream brings.
    #[inline(always)]
    pub fn is_shared(&self, s: &State, now: u32) -> bool {
        let elsewhere = self.ino.get() != s.i_ino() as u32 && self.task.get() != task_id();
        let lately = SHARED.saturating_mul(self.latency.get());
        elsewhere && now.wrapping_sub(self.place.get()) < lately
    }

    /// A stream of this task has asked for the last of this file, or for the first if
    /// it goes backwards.
    #[inline(always)]
    pub fn ends(&self, s: &State, back: bool) {
        self.ender.set(task_id());
        self.ended.set(s.i_ino() as u32);
        self.way.set(if back { BACKWARD } else { FORWARD });
    }

    /// How this task, which begins with this file, has read another one to its end
    /// just before: [`FORWARD`] or [`BACKWARD`], once; else 0.
    #[inline(always)]
    pub fn last_way(&self, s: &State) -> u32 {
        let way = self.way.get();
        if way == 0 || self.ender.get() != task_id() || self.ended.get() == s.i_ino() as u32 {
            return 0;
        }
        self.way.set(0);
        way
    }

    /// The pages that a stream needs in flight that came so many pages further in this
    /// time, pages: `depth` times what it comes further in the latency.
    #[inline(always)]
    pub fn need(&self, pages: u32, us: u32, depth: u32, limit: u32) -> u32 {
        let rate = u64::from(depth) * u64::from(pages) * u64::from(self.latency.get());
        let need = rate / u64::from(max(us, 1));
        let need = if need > u64::from(limit) { limit } else { need as u32 };
        let known = self.need.get();
        self.need.set(max(need, known - known / 16));
        need
    }
}

/// The pages that streams on this device needed in flight; 0 if not known.
#[inline(always)]
pub fn need(device: Option<&Device>) -> u32 {
    match device {
        Some(device) => device.need.get(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEPTH;

    #[test]
    fn the_need_is_latency_times_rate() {
        let device = Device::default();
        device.waited(5000);
        // 1000 pages in 50 ms are 100 in the latency.
        assert_eq!(device.need(1000, 50_000, DEPTH.get(), 4096), 100 * DEPTH.get());
        assert_eq!(device.need(u32::MAX, 0, 2, 4096), 4096, "bounded");
        assert_eq!(device.need.get(), 4096);
    }

    #[test]
    fn a_shorter_wait_is_believed_sooner_than_a_longer_one() {
        let device = Device::default();
        device.waited(5000);
        // Once may be chance: pages that another task had asked for.
        device.waited(200);
        assert_eq!(device.latency.get(), 2600);
        for _ in 0..12 {
            device.waited(200);
        }
        assert_eq!(device.latency.get(), 200);
        for known in [250, 281, 298, 307, 311, 315] {
            device.waited(1_000_000);
            assert_eq!(device.latency.get(), known);
        }
    }

    #[test]
    fn a_first_wait_that_is_long_is_not_believed() {
        let device = Device::default();
        device.waited(60_000);
        assert_eq!(device.latency.get(), FIRST_US);
        device.waited(60_000);
        assert_eq!(device.latency.get(), FIRST_US + FIRST_US / 4);
    }

    #[test]
    fn a_window_that_was_there_at_once_is_not_believed_at_once() {
        let device = Device::default();
        device.passed(7);
        assert_eq!(device.latency.get(), 0, "no task has waited yet");
        device.waited(5000);
        device.passed(1000);
        assert_eq!(device.latency.get(), 4000);
        device.passed(9000);
        assert_eq!(device.latency.get(), 4000);
    }

    #[test]
    fn small_windows_show_a_need_that_is_larger() {
        // 32 pages each 5 ms: the latency is all of the time.
        let device = Device::default();
        device.waited(5000);
        assert_eq!(device.need(32, 5000, DEPTH.get(), 4096), 32 * DEPTH.get());
    }
}
