// SPDX-License-Identifier: GPL-2.0-only
//! Load: threads that read and fault without end, and check every byte.

use raext_guest::parts::{Mapping, StageContext as _, StageError, Target, verify};
use raext_model::SplitMix;
use rustix::fs::{Advice, fadvise};
use std::fs::File;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const READ: usize = 64 << 10;
const PAGE: usize = 4096;
/// Accesses until a reader drops its file's pages, so that there is I/O to do.
const ROUND: u32 = 64;

/// Added to the nice value of each reader: the readers take what the task under
/// test and the kernel's own threads leave. Alike, four readers starve a grace
/// period of RCU tasks, and a removal of the module takes 20 s.
const YIELDING: i32 = 19;

/// Threads at work. Dropped without [`Readers::stop`], they are ended and waited
/// for, too: the device below them may be removed afterwards.
#[derive(Debug)]
pub(super) struct Readers {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<ReadersReport, StageError>>>,
}

/// What the readers did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ReadersReport {
    /// Accesses.
    pub ops: u64,
    /// Bytes read and found right.
    pub bytes: u64,
}

/// What a reader does.
#[derive(Debug, Clone, Copy)]
enum Habit {
    Sequential,
    Random,
    FaultSequential,
    FaultRandom,
}

const HABITS: [Habit; 4] =
    [Habit::Sequential, Habit::FaultRandom, Habit::Random, Habit::FaultSequential];

impl Readers {
    pub(crate) fn start(target: &Target, threads: u32) -> Result<Self, StageError> {
        let end = Arc::new(AtomicBool::new(false));
        let mut readers = Self { end: Arc::clone(&end), threads: Vec::new() };
        for number in 0..threads {
            let file = File::open(&target.path).at("opening", &target.path)?;
            let habit = HABITS[number as usize % HABITS.len()];
            let (target, end) = (target.clone(), Arc::clone(&end));
            let reader = move || work(&target, &file, habit, u64::from(number), &end);
            readers.threads.push(thread::spawn(reader));
        }
        Ok(readers)
    }

    /// End the readers.
    ///
    /// # Errors
    /// When one of them failed or found wrong data.
    pub(super) fn stop(mut self) -> Result<ReadersReport, StageError> {
        self.end.store(true, Ordering::Relaxed);
        let mut report = ReadersReport::default();
        for thread in self.threads.drain(..) {
            let done = thread.join().map_err(|_| StageError::Reader("it panicked".into()))??;
            report.ops += done.ops;
            report.bytes += done.bytes;
        }
        Ok(report)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // Whoever drops readers without asking has an error to tell already.
            let _ = thread.join();
        }
    }
}

fn work(
    target: &Target,
    file: &File,
    habit: Habit,
    seed: u64,
    end: &AtomicBool,
) -> Result<ReadersReport, StageError> {
    // Of this thread alone. It fails for no reason that matters here.
    let _ = rustix::process::nice(YIELDING);
    let mut report = ReadersReport::default();
    let mut numbers = SplitMix(seed);
    let mut at = 0;
    while !end.load(Ordering::Relaxed) {
        // A mapping keeps its pages: it is made anew each round.
        let map = Mapping::new(file, target.data_bytes as usize).at("mapping", &target.path)?;
        for _ in 0..ROUND {
            // On a slow device a whole round takes long.
            if end.load(Ordering::Relaxed) {
                return Ok(report);
            }
            let size = if matches!(habit, Habit::Sequential | Habit::Random) { READ } else { PAGE };
            let slots = target.data_bytes / size as u64;
            let slot = match habit {
                Habit::Sequential | Habit::FaultSequential => at % slots,
                Habit::Random | Habit::FaultRandom => numbers.below(slots),
            };
            at += 1;
            let offset = slot * size as u64;
            if size == READ {
                let mut buffer = vec![0; READ];
                file.read_exact_at(&mut buffer, offset).at("reading", &target.path)?;
                verify(offset, &buffer)?;
            } else {
                verify(offset, map.bytes(offset as usize, PAGE))?;
            }
            report.ops += 1;
            report.bytes += size as u64;
        }
        drop(map);
        fadvise(file, 0, NonZeroU64::new(target.data_bytes), Advice::DontNeed)
            .at("dropping the cache of", &target.path)?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_guest::parts::fill;
    use std::fs;
    use std::time::Duration;

    fn target(dir: &tempfile::TempDir) -> Target {
        let path = dir.path().join("data");
        let mut data = vec![0; 1 << 20];
        fill(0, &mut data);
        fs::write(&path, data).unwrap();
        Target { path, data_bytes: 1 << 20, stat: None }
    }

    #[test]
    fn readers_read_until_they_are_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let readers = Readers::start(&target(&dir), 4).unwrap();
        thread::sleep(Duration::from_millis(50));
        let report = readers.stop().unwrap();
        assert!(report.ops >= 4, "{report:?}");
        assert!(report.bytes > report.ops * PAGE as u64, "{report:?}");
    }

    #[test]
    fn dropped_readers_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let readers = Readers::start(&target(&dir), 2).unwrap();
        let end = Arc::clone(&readers.end);
        drop(readers);
        // Each thread holds the flag for as long as it lives.
        assert_eq!(Arc::strong_count(&end), 1);
    }

    #[test]
    fn a_reader_that_finds_wrong_data_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir);
        let file = fs::OpenOptions::new().write(true).open(&target.path).unwrap();
        file.write_all_at(b"x", 64).unwrap();
        let readers = Readers::start(&target, 1).unwrap();
        thread::sleep(Duration::from_millis(20));
        let error = readers.stop().unwrap_err();
        assert!(matches!(error, StageError::WrongData { offset: 64, .. }), "{error}");
    }
}
