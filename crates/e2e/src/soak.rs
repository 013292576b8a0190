// SPDX-License-Identifier: GPL-2.0-only
//! What the soak asks of the kernel that watches itself: its log, its leaks, and
//! whether it still watches.

use crate::{Guest, complaints, step};
use raext_kernel::Want;
use raext_model::requests::KernelLog;
use raext_vm::{KernelChoice, Paths};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// How long to soak unless `RAEXT_SOAK_MINUTES` says otherwise.
const MINUTES: u64 = 20;
/// kmemleak does not speak of memory that is younger than 5 s, nor of memory
/// that has changed since the scan before: the first scan finds nothing.
const SCANS: u32 = 3;
const BETWEEN_SCANS: Duration = Duration::from_secs(6);
/// Programs that the soak runs in the guest.
const PROGRAMS: [&str; 3] = ["/bin/sh", "/bin/cat", "/sbin/insmod"];

/// The kernel of the soak.
///
/// # Panics
/// When it was not built.
pub fn kernel() -> KernelChoice {
    let image = build().join("boot/vmlinuz");
    assert!(image.is_file(), "{} is not there: run `make soak`", image.display());
    KernelChoice { want: Want::Image(image), untested: false }
}

/// The module with the planted bugs.
pub fn planted() -> PathBuf {
    build().join("planted/planted.ko")
}

fn build() -> PathBuf {
    Paths::find().expect("the tests run in a checkout").build.join("soak")
}

/// How long to soak.
///
/// # Panics
/// When `RAEXT_SOAK_MINUTES` is no number.
pub fn minutes() -> Duration {
    let minutes = env::var("RAEXT_SOAK_MINUTES").map_or(MINUTES, |text| {
        text.parse().unwrap_or_else(|_| panic!("RAEXT_SOAK_MINUTES={text}: not a number"))
    });
    Duration::from_secs(minutes * 60)
}

/// Programs of the host that the functions below run in the guest.
pub fn programs() -> Vec<PathBuf> {
    PROGRAMS.map(PathBuf::from).into()
}

/// Fail if the kernel complained of anything so far. Its log is kept in
/// `build/soak`, for a person.
///
/// # Panics
/// When it did.
pub fn look(guest: &mut Guest) {
    let log = guest.ask(KernelLog).expect("the kernel's log can be read");
    let kept = build().join("kernel.log");
    fs::write(&kept, log.join("\n")).unwrap_or_else(|e| panic!("{}: {e}", kept.display()));
    let bad = complaints(&log);
    assert!(bad.is_empty(), "the kernel complained ({}):\n{bad:#?}", kept.display());
}

/// What kmemleak has found by now: empty, or a report for each leak.
///
/// # Panics
/// When it cannot be asked.
pub fn leaks(guest: &mut Guest) -> String {
    for scan in 1..=SCANS {
        step(&format!("looking for leaks, scan {scan} of {SCANS}"));
        sleep(BETWEEN_SCANS);
        let argv = ["sh", "-c", "echo scan > /sys/kernel/debug/kmemleak"];
        let (status, _, said) = guest.exec(&argv).expect("the guest runs sh");
        assert_eq!(status, 0, "kmemleak does not scan: {said}");
    }
    read(guest, "/sys/kernel/debug/kmemleak")
}

/// Fail if lockdep has switched itself off, as it does after its first report
/// and when it runs out of memory: it has not watched to the end then.
///
/// # Panics
/// When it has.
pub fn lockdep_is_on(guest: &mut Guest) {
    let stats = read(guest, "/proc/lockdep_stats");
    let on = stats.lines().find_map(|line| line.trim().strip_prefix("debug_locks:"));
    assert_eq!(on.map(str::trim), Some("1"), "lockdep is off:\n{stats}");
}

fn read(guest: &mut Guest, path: &str) -> String {
    let (status, text, said) = guest.exec(&["cat", path]).expect("the guest runs cat");
    assert_eq!(status, 0, "{path}: {said}");
    text
}
