// SPDX-License-Identifier: GPL-2.0-only
//! `auto` against each fixed limit, on simulated devices: no limit is faster for
//! long, whichever one picks with hindsight; and where it leaves a mapping to the
//! kernel, it is as fast as that.
extern crate std;

use crate::decide;
use raext_policy::prelude::*;
use raext_policy::testing::{Report, Scene, Stream};
use std::{format, println, vec, vec::Vec};

/// The settings of `read_ahead_kb`, pages.
const LIMITS: [u32; 7] = [0, 4, 16, 32, 128, 512, 2048];
/// 5 ms and 150 MB/s; 1 ms and 200 MB/s; 0.1 ms and 2 GB/s.
const DEVICES: [(&str, u64, u64); 3] =
    [("disk", 5_000_000, 27_000), ("cloud", 1_000_000, 20_000), ("nvme", 100_000, 2_000)];
/// How much slower than the best limit it may be: what learning costs in streams
/// as short as these.
const LEAST: f64 = 0.95;
/// A decision that `auto` leaves to the kernel is compared with the kernel's own limit.
const KERNELS: (&str, [u32; 1]) = ("random, mapped", [32]);

fn streams() -> Vec<(&'static str, Stream)> {
    let scan = |at, pages| Stream::sequential(at, pages, 16);
    let random = |seed| Stream::random(seed, 60_000, 100, 4);
    vec![
        ("sequential", scan(0, 4096)),
        ("sequential, mapped", Stream::sequential(0, 4096, 1).mapped()),
        ("sequential, from the middle", scan(9999, 4096)),
        ("backward", Stream::backward(30_000, 2000, 4)),
        ("backward, mapped", Stream::backward(30_000, 2000, 1).mapped()),
        ("equal distances", Stream::strided(0, 128, 300, 4)),
        ("equal distances, backward", Stream::strided(60_000, -128, 300, 4)),
        ("equal distances, mapped", Stream::strided(0, 128, 300, 1).mapped()),
        ("random", random(1)),
        ("random, mapped", random(1).mapped()),
        ("bursts of 16 pages", Stream::bursts(3, 60_000, 100, 16, 4)),
        ("bursts of 64 pages", Stream::bursts(3, 60_000, 100, 64, 4)),
        ("bursts of 8 pages, mapped", Stream::bursts(3, 60_000, 100, 8, 1).mapped()),
        ("interleaved", Stream::interleaved([0, 20_000, 40_000].map(|at| scan(at, 2000)))),
        ("phases", scan(0, 4000).then(random(5)).then(scan(30_000, 4000)).then(random(6))),
    ]
}

#[test]
fn no_limit_is_faster_for_long() {
    let mut slower = Vec::new();
    for (device, scene) in scenes(1 << 16) {
        for (name, stream) in streams() {
            let limited = |ra_pages| {
                let report = Scene { ra_pages, ..scene }.simulate(|_| Decision::Kernel, &stream);
                (report.ns, ra_pages)
            };
            let limits = if name == KERNELS.0 { &KERNELS.1[..] } else { &LIMITS };
            let (best, limit) = limits.iter().copied().map(limited).min().unwrap();
            let Report { ns, pages_read, pages_used, waits, .. } = scene.simulate(decide, &stream);
            let share = best as f64 / ns as f64;
            let row = format!(
                "{device}, {name}: {share:.2} of the speed with {limit} pages; {waits} waits, \
                 {pages_read} pages read, {pages_used} used"
            );
            println!("{row}");
            if share < LEAST {
                slower.push(row);
            }
        }
    }
    assert!(slower.is_empty(), "{slower:#?}");
}

/// Random reads of a file that fits into memory: region by region it is read whole,
/// once they have come back to it.
#[test]
fn random_reads_that_come_back_find_their_pages() {
    let stream = Stream::random(1, 8000, 1000, 2);
    for (device, scene) in scenes(8000) {
        let kernel = scene.simulate(|_| Decision::Kernel, &stream);
        let own = scene.simulate(decide, &stream);
        println!("{device}: {kernel:?} {own:?}");
        assert!(own.ns < kernel.ns, "{device}: {own:?}, and the kernel's own: {kernel:?}");
        // The file, and what was read of it before.
        assert!(own.pages_read <= 8000 + 1500, "{device}: {own:?}");
    }
}

/// Rows at random places of a mapping: the kernel's window serves their other pages.
#[test]
fn rows_of_a_mapping_are_as_fast_as_with_the_kernel() {
    for pages in [1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32] {
        for (within, rows) in [(8000, 2000), (60_000, 1000)] {
            let stream = Stream::random(1, within, rows, pages).mapped();
            for (device, scene) in scenes(within) {
                let kernel = scene.simulate(|_| Decision::Kernel, &stream);
                let own = scene.simulate(decide, &stream);
                let speed = kernel.ns as f64 / own.ns as f64;
                println!("{device}, {rows} rows of {pages} pages in {within}: {speed:.3}");
                assert!(speed >= LEAST, "{device}, {rows} rows of {pages}: {kernel:?} {own:?}");
            }
        }
    }
}

/// Each device, with a file of so many pages on it.
fn scenes(file_pages: u64) -> [(&'static str, Scene); 3] {
    DEVICES.map(|(device, latency_ns, page_ns)| {
        (device, Scene { latency_ns, page_ns, file_pages, ..Scene::default() })
    })
}
