// SPDX-License-Identifier: GPL-2.0-only
//! Courses: a pattern, a scan beside random readers, many small files.

use crate::workload::data::{Verifier, fill};
use crate::workload::error::Context as _;
use crate::workload::target::PAGE;
use crate::workload::target::{DeviceReads, Mapping, Target};
use crate::workload::{Stage, StageError};
use raext_model::{
    Course, CoursePart, CourseRun, SmallFiles, SplitMix, Workload, WorkloadSpec, offsets, sizes,
};
use rustix::fs::{Advice, fadvise};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Where each small file's bytes begin in the sequence of all data, so that no two
/// files hold the same.
const FILE_APART: u64 = 1 << 20;

/// The parts, the checksum of what they read, and whether they were cut short.
type Parts = (Vec<CoursePart>, u64, bool);

impl Stage {
    /// Make the files that a course needs beside the data file, where they are not
    /// there already.
    ///
    /// # Errors
    /// When there is no file system, or not room enough on it.
    pub fn lay_out(&self, course: &Course) -> Result<(), StageError> {
        match course {
            Course::Pattern(_) => Ok(()),
            Course::Beside { scan, .. } => {
                let path = self.beside("scan")?;
                if !path.exists() {
                    write_file(&path, 0, scan.ops * scan.op_bytes)?;
                }
                Ok(())
            }
            Course::SmallFiles(small) => {
                let dir = self.beside("small")?;
                if dir.exists() {
                    return Ok(());
                }
                fs::create_dir(&dir).at("making", &dir)?;
                for (number, bytes) in sizes(small).into_iter().enumerate() {
                    write_file(&small_file(&dir, number), number as u64 * FILE_APART, bytes)?;
                }
                Ok(())
            }
        }
    }

    /// Run a course once; with a cold cache, unless it is to find in the cache what
    /// is there. No access is begun once `limit` has passed.
    ///
    /// # Errors
    /// When an access fails or brings wrong data.
    pub fn run_course(
        &self,
        course: &Course,
        cached: bool,
        limit: Duration,
        decisions: &dyn Fn() -> u64,
    ) -> Result<CourseRun, StageError> {
        self.lay_out(course)?;
        if !cached {
            self.chill()?;
        }
        let decided = decisions();
        let before = self.device_reads()?;
        let (parts, checksum, cut) = match course {
            Course::Pattern(spec) => {
                let sample = self.target().run_within(spec, limit, &|| 0)?;
                let name = spec.workload.name().to_owned();
                let part = CoursePart { name, ns: sample.elapsed_ns, ops: sample.ops };
                (vec![part], sample.checksum, sample.ops < spec.ops)
            }
            Course::Beside { scan, random } => {
                let shares = Shares::new(cached, limit);
                beside(&self.beside("scan")?, scan, self.target(), random, &shares)?
            }
            Course::SmallFiles(small) => read_all(&self.beside("small")?, small, limit)?,
        };
        let after = self.device_reads()?;
        Ok(CourseRun {
            parts,
            device_reads: after.requests - before.requests,
            device_bytes: after.bytes - before.bytes,
            decisions: decisions().saturating_sub(decided),
            checksum,
            cut,
        })
    }

    fn device_reads(&self) -> Result<DeviceReads, StageError> {
        self.target().stat.as_deref().map_or(Ok(DeviceReads::default()), DeviceReads::of)
    }
}

fn write_file(path: &Path, from: u64, bytes: u64) -> Result<(), StageError> {
    const PORTION: u64 = 1 << 20;
    let mut file = File::create(path).at("making", path)?;
    let mut buffer = vec![0; PORTION.min(bytes) as usize];
    for at in (0..bytes).step_by(PORTION as usize) {
        let portion = &mut buffer[..PORTION.min(bytes - at) as usize];
        fill(from + at, portion);
        file.write_all(portion).at("writing", path)?;
    }
    file.sync_all().at("writing", path)
}

/// How many of the parts have done their share; the others' work is load from then
/// on, and ends with the last share.
struct Shares {
    done: AtomicU32,
    /// Whether what was read may stay in the cache.
    cached: bool,
    limit: Duration,
    start: Barrier,
}

impl Shares {
    fn new(cached: bool, limit: Duration) -> Self {
        Self { done: AtomicU32::new(0), cached, limit, start: Barrier::new(2) }
    }

    fn all_done(&self) -> bool {
        self.done.load(Ordering::Relaxed) == 2
    }

    /// Also where a share failed: the other part is not to go on for ever.
    fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

fn beside(
    path: &Path,
    scan: &WorkloadSpec,
    target: &Target,
    random: &WorkloadSpec,
    shares: &Shares,
) -> Result<Parts, StageError> {
    let (scanned, touched) = thread::scope(|scope| {
        let scanner = scope.spawn(|| scan_file(path, scan, shares));
        let touched = touch_at_random(target, random, shares);
        let scanned = scanner.join().unwrap_or_else(|_| Err(died()));
        (scanned, touched)
    });
    let (scanned, touched) = (scanned?, touched?);
    let cut = scanned.ops < scan.ops || touched.ops < random.ops;
    let part =
        |name: &str, share: &Share| CoursePart { name: name.into(), ns: share.ns, ops: share.ops };
    let parts = vec![part("scan", &scanned), part("random", &touched)];
    Ok((parts, scanned.checksum ^ touched.checksum.rotate_left(1), cut))
}

fn died() -> StageError {
    StageError::Reader("the scan's thread ended early".into())
}

/// What a part did.
struct Share {
    ns: u64,
    ops: u64,
    checksum: u64,
}

fn scan_file(path: &Path, spec: &WorkloadSpec, shares: &Shares) -> Result<Share, StageError> {
    let op_bytes = spec.op_bytes as usize;
    let mut arena = vec![0xa5_u8; spec.ops as usize * op_bytes];
    let file = File::open(path).at("opening", path);
    shares.start.wait();
    let start = Instant::now();
    let mut ops = 0;
    let share = file.and_then(|file| {
        for (at, buffer) in arena.chunks_exact_mut(op_bytes).enumerate() {
            file.read_exact_at(buffer, (at * op_bytes) as u64).at("reading", path)?;
            ops += 1;
            if start.elapsed() > shares.limit {
                break;
            }
        }
        Ok(file)
    });
    let ns = start.elapsed().as_nanos() as u64;
    shares.done();
    let file = share?;
    let mut scratch = vec![0xa5_u8; op_bytes];
    let length = spec.ops * spec.op_bytes;
    let mut at = length;
    while !shares.all_done() {
        if at == length {
            // From the start again, and from the device again.
            at = 0;
            if !shares.cached {
                fadvise(&file, 0, None, Advice::DontNeed).at("dropping the cache of", path)?;
            }
        }
        file.read_exact_at(&mut scratch, at).at("reading", path)?;
        at += spec.op_bytes;
    }
    let mut verifier = Verifier::new();
    verifier.take(0, &arena[..ops as usize * op_bytes])?;
    Ok(Share { ns, ops, checksum: verifier.checksum() })
}

fn touch_at_random(
    target: &Target,
    spec: &WorkloadSpec,
    shares: &Shares,
) -> Result<Share, StageError> {
    let path = &target.path;
    let spec = WorkloadSpec { workload: Workload::MmapRandom, ..*spec };
    let offsets = offsets(&spec, target.data_bytes);
    let map = File::open(path)
        .and_then(|file| Ok(Mapping::new(&file, target.data_bytes as usize)?))
        .at("mapping", path);
    shares.start.wait();
    let start = Instant::now();
    let mut ops = 0;
    if let Ok(map) = &map {
        for offset in &offsets {
            map.touch(*offset as usize);
            ops += 1;
            if start.elapsed() > shares.limit {
                break;
            }
        }
    }
    let ns = start.elapsed().as_nanos() as u64;
    shares.done();
    let map = map?;
    let mut numbers = SplitMix(spec.seed ^ 0x5eed);
    while !shares.all_done() {
        map.touch((numbers.below(target.data_bytes / PAGE) * PAGE) as usize);
    }
    let mut verifier = Verifier::new();
    for &offset in &offsets[..ops] {
        verifier.take(offset, map.bytes(offset as usize, spec.op_bytes as usize))?;
    }
    Ok(Share { ns, ops: ops as u64, checksum: verifier.checksum() })
}

fn small_file(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("{number:05}"))
}

fn read_all(dir: &Path, small: &SmallFiles, limit: Duration) -> Result<Parts, StageError> {
    let sizes = sizes(small);
    // Fisher and Yates.
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    let mut numbers = SplitMix(small.seed ^ 0x5eed);
    for last in (1..order.len()).rev() {
        order.swap(last, numbers.below(last as u64 + 1) as usize);
    }
    let mut arena = vec![0xa5_u8; sizes.iter().sum::<u64>() as usize];
    let (mut rest, mut ops, mut files) = (&mut arena[..], 0, 0);
    let op_bytes = small.op_bytes as usize;
    let start = Instant::now();
    for &number in &order {
        let path = small_file(dir, number);
        let file = File::open(&path).at("opening", &path)?;
        let (buffer, after) = rest.split_at_mut(sizes[number] as usize);
        rest = after;
        for (at, piece) in (0..).step_by(op_bytes).zip(buffer.chunks_mut(op_bytes)) {
            file.read_exact_at(piece, at).at("reading", &path)?;
            ops += 1;
        }
        files += 1;
        if start.elapsed() > limit {
            break;
        }
    }
    let ns = start.elapsed().as_nanos() as u64;
    let mut verifier = Verifier::new();
    let mut rest = &arena[..];
    for &number in &order[..files] {
        let (buffer, after) = rest.split_at(sizes[number] as usize);
        rest = after;
        verifier.take(number as u64 * FILE_APART, buffer)?;
    }
    let part = CoursePart { name: "small-files".into(), ns, ops };
    Ok((vec![part], verifier.checksum(), files < order.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(dir: &Path) -> Target {
        let path = dir.join("data");
        write_file(&path, 0, 1 << 20).unwrap();
        Target { path, data_bytes: 1 << 20, stat: None }
    }

    #[test]
    fn both_parts_do_their_share_whoever_is_quicker() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(dir.path());
        let path = dir.path().join("scan");
        write_file(&path, 0, 4 << 20).unwrap();
        let spec = |workload: Workload, op_bytes, ops| WorkloadSpec {
            op_bytes,
            ops,
            ..workload.default_spec()
        };
        let scan = spec(Workload::SeqRead, 64 << 10, 64);
        let sum = |random: u64| {
            let random = spec(Workload::MmapRandom, 4096, random);
            let shares = Shares::new(random.ops == 1, Duration::MAX);
            let (parts, sum, cut) = beside(&path, &scan, &target, &random, &shares).unwrap();
            assert!(!cut);
            assert_eq!((parts[0].ops, parts[1].ops), (64, random.ops));
            assert!(parts.iter().all(|part| part.ns > 0));
            sum
        };
        assert_eq!(sum(200), sum(200));
        assert_ne!(sum(200), sum(1));
        let none = dir.path().join("none");
        let random = spec(Workload::MmapRandom, 4096, 4);
        let shares = Shares::new(false, Duration::MAX);
        let error = beside(&none, &scan, &target, &random, &shares).unwrap_err().to_string();
        assert!(error.contains("none"), "{error}");
    }

    #[test]
    fn small_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let small =
            SmallFiles { files: 20, seed: 3, least_pages: 4, most_pages: 32, op_bytes: 16 << 10 };
        for (number, bytes) in sizes(&small).into_iter().enumerate() {
            assert!((16 << 10..=128 << 10).contains(&bytes), "{bytes}");
            write_file(&small_file(dir.path(), number), number as u64 * FILE_APART, bytes).unwrap();
        }
        let all = || read_all(dir.path(), &small, Duration::MAX);
        let (parts, sum, cut) = all().unwrap();
        assert_eq!((sum, cut), (all().unwrap().1, false));
        assert!(read_all(dir.path(), &small, Duration::ZERO).unwrap().2);
        assert!(parts[0].ops >= 20);
        // Another file's bytes, of the right length, are wrong data.
        let (one, other) = (small_file(dir.path(), 0), small_file(dir.path(), 1));
        let length = fs::metadata(&one).unwrap().len();
        write_file(&one, FILE_APART, length).unwrap();
        assert!(matches!(all(), Err(StageError::WrongData { .. })));
        fs::remove_file(&other).unwrap();
        assert!(all().is_err());
    }
}
