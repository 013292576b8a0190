// SPDX-License-Identifier: GPL-2.0-only
//! The stress, on a file system of the host: it goes through with sound files,
//! and finds what is wrong with others.

use super::*;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// Leaves the host's caches and mounts alone; changes a file if it is to.
struct Host<'a> {
    spoil: Option<&'a Path>,
    remounts: AtomicU64,
    /// Whether caches are being dropped.
    drops: AtomicBool,
    /// How often they were during a remount.
    overlaps: AtomicU64,
}

impl System for Host<'_> {
    fn remount_within(&self) -> Duration {
        Duration::from_millis(400)
    }

    fn drop_caches(&self, _: u64) -> Result<(), StageError> {
        self.drops.store(true, Ordering::SeqCst);
        sleep(Duration::from_millis(50));
        self.drops.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn remount(&self) -> Result<(), StageError> {
        self.overlaps.fetch_add(self.drops.load(Ordering::SeqCst).into(), Ordering::Relaxed);
        self.remounts.fetch_add(1, Ordering::Relaxed);
        let Some(path) = self.spoil else { return Ok(()) };
        let file = OpenOptions::new().write(true).open(path).unwrap();
        // A word of our own on every page.
        for page in 0..file.metadata().unwrap().len() / 4096 {
            file.write_all_at(b"spoiled!", page * 4096 + 64).unwrap();
        }
        Ok(())
    }
}

fn stress(spoil: Option<&str>) -> StressReport {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::of(dir.path(), 7);
    files.write().unwrap();
    let spoil = spoil.map(|name| dir.path().join(name));
    let host = Host {
        spoil: spoil.as_deref(),
        remounts: AtomicU64::new(0),
        drops: AtomicBool::new(false),
        overlaps: AtomicU64::new(0),
    };
    // Time to find what the first ones spoil.
    let ended = || host.remounts.load(Ordering::Relaxed) >= 8;
    let report = run(&files, &host, 7, &ended, &mut |_| ()).unwrap();
    assert_eq!(host.overlaps.load(Ordering::Relaxed), 0, "caches were dropped in a remount");
    report
}

#[test]
fn sound_files_are_found_sound() {
    let report = stress(None);
    assert_eq!((report.wrong_words, &report.mismatches), (0, &vec![]));
    assert!(report.bytes_checked > 1 << 20, "{report:?}");
    assert_eq!(report.ops["verify"], files::CHANGING);
    for kind in ["read-random", "fault-random", "splice", "readahead", "madvise-pageout", "store"] {
        assert!(report.ops.contains_key(kind), "no {kind}: {report:?}");
    }
}

#[test]
fn what_nobody_wrote_is_found_in_a_file_that_stays() {
    let report = stress(Some("stable0"));
    let first = &report.mismatches[0];
    assert_eq!((first.file.as_str(), first.offset % 4096), ("stable0", 64));
    assert_eq!(first.found.to_le_bytes(), *b"spoiled!");
}

#[test]
fn what_nobody_wrote_is_found_in_a_file_that_changes() {
    let report = stress(Some("changing1"));
    let first = &report.mismatches[0];
    assert_eq!((first.file.as_str(), first.offset % 4096), ("changing1", 64));
    assert_eq!(first.found.to_le_bytes(), *b"spoiled!");
    assert_eq!(report.ops["verify"], files::CHANGING);
}
