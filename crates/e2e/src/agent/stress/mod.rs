// SPDX-License-Identifier: GPL-2.0-only
//! Everything at once: threads that read, fault, advise, change files and drop
//! caches, and a file system that is unmounted and mounted again under them.
//! Every byte that is read is compared with what belongs there.
//!
//! Threads work in batches, with their files open for one batch only: between
//! two batches of all of them, the file system can be unmounted.

mod content;
mod deck;
mod device;
mod files;
mod map;
mod model;
mod owner;
mod reader;
mod tally;

pub(super) use device::{Ground, Guest};
pub(super) use files::Files;

use crate::requests::StressReport;
use owner::Owner;
use raext_guest::parts::StageError;
use raext_model::SplitMix;
use reader::Reader;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use tally::Tally;

const READERS: u64 = 3;
/// The longest time between two droppings of caches.
const DROP_WITHIN_MS: u64 = 4000;

/// What a stress does to the system, rather than to files.
pub(super) trait System: Sync {
    /// Write `what` (1 to 3) to `drop_caches`.
    ///
    /// # Errors
    /// When that fails.
    fn drop_caches(&self, what: u64) -> Result<(), StageError>;

    /// Unmount the file system, of which no file is open, and mount it again.
    ///
    /// # Errors
    /// When that fails.
    fn remount(&self) -> Result<(), StageError>;

    /// The longest time between two of these.
    fn remount_within(&self) -> Duration;
}

/// What the threads share.
struct Shared<'a> {
    files: &'a Files,
    system: &'a dyn System,
    /// Held for reading by whoever has files open, or drops caches.
    gate: RwLock<()>,
    end: AtomicBool,
    tally: Mutex<Tally>,
    error: Mutex<Option<StageError>>,
}

/// Run until `ended` says so, then unmount, mount, and verify what changed.
/// `progress` is told about once a second.
///
/// # Errors
/// When an operation fails that must not.
pub(super) fn run(
    files: &Files,
    system: &dyn System,
    seed: u64,
    ended: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&str),
) -> Result<StressReport, StageError> {
    let shared = Shared {
        files,
        system,
        gate: RwLock::new(()),
        end: AtomicBool::new(false),
        tally: Mutex::default(),
        error: Mutex::default(),
    };
    let mut numbers = SplitMix(seed);
    thread::scope(|scope| {
        let shared = &shared;
        for _ in 0..READERS {
            let seed = numbers.word();
            scope.spawn(move || shared.watch(|| shared.read(seed)));
        }
        for known in files.changing() {
            let seed = numbers.word();
            scope.spawn(move || {
                shared.watch(|| shared.own(Owner::new(files, known, seed)?));
            });
        }
        let seed = numbers.word();
        scope.spawn(move || shared.watch(|| shared.drop_caches(SplitMix(seed))));
        shared.watch(|| shared.remount(&mut numbers, ended, progress));
        shared.end.store(true, Ordering::Relaxed);
    });
    if let Some(error) = shared.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let tally = shared.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(StressReport {
        ops: tally.ops.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        bytes_checked: tally.bytes_checked,
        wrong_words: tally.wrong_words,
        mismatches: tally.mismatches,
        ..StressReport::default()
    })
}

impl Shared<'_> {
    /// The life of a thread; its error ends all.
    fn watch(&self, work: impl FnOnce() -> Result<Tally, StageError>) {
        match work() {
            Ok(tally) => self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(tally),
            Err(error) => {
                let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
                self.end.store(true, Ordering::Relaxed);
            }
        }
    }

    fn goes_on(&self) -> bool {
        !self.end.load(Ordering::Relaxed)
    }

    fn read(&self, seed: u64) -> Result<Tally, StageError> {
        let mut reader = Reader::new(self.files, seed)?;
        while self.goes_on() {
            let _open = self.gate.read();
            reader.batch()?;
        }
        Ok(reader.tally)
    }

    fn own(&self, mut owner: Owner<'_>) -> Result<Tally, StageError> {
        while self.goes_on() {
            let _open = self.gate.read();
            owner.batch()?;
        }
        // The end is told with the gate closed: the file system is mounted anew.
        let _open = self.gate.read();
        owner.verify()?;
        Ok(owner.tally)
    }

    fn drop_caches(&self, mut numbers: SplitMix) -> Result<Tally, StageError> {
        let mut tally = Tally::default();
        while self.goes_on() {
            // Not during an unmount: XFS of 6.12 expects no buffers then, but its shrinker
            // may have some that it took off their list (docs/soak.md).
            let open = self.gate.read();
            self.system.drop_caches(1 + numbers.below(3))?;
            drop(open);
            tally.did("drop-caches");
            sleep(Duration::from_millis(numbers.below(DROP_WITHIN_MS)));
        }
        Ok(tally)
    }

    fn remount(
        &self,
        numbers: &mut SplitMix,
        ended: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Tally, StageError> {
        let mut tally = Tally::default();
        let (start, mut said) = (Instant::now(), Instant::now());
        while self.goes_on() {
            let within = self.system.remount_within().as_millis() as u64;
            let next = Instant::now() + Duration::from_millis(numbers.below(within));
            while Instant::now() < next && !ended() && self.goes_on() {
                sleep(Duration::from_millis(50));
                if said.elapsed() > Duration::from_secs(1) {
                    progress(&format!("under load for {} s", start.elapsed().as_secs()));
                    said = Instant::now();
                }
            }
            let closed = self.gate.write();
            // What comes after the last one verifies what is on the device.
            if ended() {
                self.end.store(true, Ordering::Relaxed);
            }
            self.system.remount()?;
            drop(closed);
            tally.did("remount");
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests;
