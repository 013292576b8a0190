// SPDX-License-Identifier: GPL-2.0-only
//! Everything at once: files are read, mapped, cut, punched and advised in a
//! cgroup that is too small for them, while policies and the module come and
//! go, and policies take each other's place. Every byte is right, and the kernel has nothing to say.
//!
//! `RAEXT_STRESS_SECONDS` says for how long on each file system, and
//! `RAEXT_STRESS_SEED` repeats a run (its accesses, not their timing).

use raext_e2e::requests::{StressReport, StressSpec};
use raext_e2e::{accepted, boot, cases, guest_file, guest_path, step, stop_clean};
use raext_model::Fs;
use std::time::{SystemTime, UNIX_EPOCH};

cases! {
    on_ext4,
    on_xfs,
    on_btrfs,
    on_an_overlay,
}

/// The last one, made of random numbers, is no shipped policy.
const POLICIES: [&str; 8] =
    ["auto", "noop", "wide", "stride", "backward", "interleaved", "lean", "random"];
const SECONDS: u32 = 20;

/// What each file system must have gone through, whatever else.
const KINDS: [&str; 20] = [
    "read-sequential",
    "read-random",
    "read-backward",
    "splice",
    "fault-sequential",
    "fault-random",
    "readahead",
    "fadvise-dontneed",
    "madvise-sequential",
    "madvise-pageout",
    "write",
    "store",
    "truncate",
    "punch",
    "madvise-remove",
    "check",
    "check-mapped",
    "verify",
    "drop-caches",
    "remount",
];

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

fn stress(fs: Fs) {
    let seconds = number("RAEXT_STRESS_SECONDS").map_or(SECONDS, |n| n.try_into().unwrap());
    let seed = number("RAEXT_STRESS_SEED").unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    });
    step(&format!("{fs} for {seconds} s, RAEXT_STRESS_SEED={seed}"));
    let random = accepted("random");
    let more = vec![guest_file(guest_path("random"), random)];
    let mut guest = boot(&POLICIES[..7], more, &[]);
    let policies = POLICIES.map(guest_path).to_vec();
    let spec = StressSpec { fs, seconds, seed, policies, memory_mib: 32 };
    let report = guest.stress(spec).unwrap();
    step(&format!("{report:#?}"));
    judge(&report);
    stop_clean(guest);
}

fn judge(report: &StressReport) {
    assert_eq!(report.mismatches, [], "wrong data");
    assert_eq!(report.wrong_words, 0);
    let missing: Vec<_> = KINDS.iter().filter(|kind| !report.ops.contains_key(**kind)).collect();
    assert!(missing.is_empty(), "never done: {missing:?}");
    assert!(report.bytes_checked > 0 && report.decisions > 0, "there was no load");
    // Three of them in each cycle, beginning with the next one.
    assert!(report.attach_cycles + 2 >= POLICIES.len() as u64, "not every policy was attached");
    assert!(report.swaps > 0, "no policy took another's place");
    assert!(report.module_cycles > 0, "the module was never removed");
    assert!(report.limit_hits > 0, "memory never ran short");
}

fn on_ext4() {
    stress(Fs::Ext4);
}

fn on_xfs() {
    stress(Fs::Xfs);
}

fn on_btrfs() {
    stress(Fs::Btrfs);
}

fn on_an_overlay() {
    stress(Fs::Overlay);
}
