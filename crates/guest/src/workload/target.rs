// SPDX-License-Identifier: GPL-2.0-only
//! A file (or a whole device) that workloads run over, and what the block device
//! below it counts.

use crate::workload::StageError;
use crate::workload::data::Verifier;
use crate::workload::error::Context as _;
use raext_model::{Sample, WorkloadSpec};
use raext_model::{data_bytes_needed, is_mapped, offsets};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use serde::{Deserialize, Serialize};
use std::ffi::c_void;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// How long the device may take for what is in flight. The largest window (64
/// MiB) takes half a second on the slowest profile.
const IDLE_WITHIN: Duration = Duration::from_secs(10);

/// Where the data is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The file or device with the data.
    pub path: PathBuf,
    /// Bytes of data, from the start.
    pub data_bytes: u64,
    /// `/sys/block/…/stat` of the device below.
    pub stat: Option<PathBuf>,
}

/// Reads of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceReads {
    /// How many.
    pub requests: u64,
    /// Bytes of all.
    pub bytes: u64,
}

impl Target {
    /// Run a workload once. The cache is the caller's business.
    pub fn run(
        &self,
        spec: &WorkloadSpec,
        decisions: &dyn Fn() -> u64,
    ) -> Result<Sample, StageError> {
        self.run_within(spec, Duration::MAX, decisions)
    }

    /// As [`Target::run`], but no access is begun once so much time has passed.
    pub fn run_within(
        &self,
        spec: &WorkloadSpec,
        limit: Duration,
        decisions: &dyn Fn() -> u64,
    ) -> Result<Sample, StageError> {
        let needed = data_bytes_needed(spec)?;
        if needed > self.data_bytes {
            return Err(StageError::TooLarge { needed, there: self.data_bytes });
        }
        let offsets = offsets(spec, self.data_bytes);
        // Opened anew, so that no readahead state is left from another run.
        let file = File::open(&self.path).at("opening", &self.path)?;
        let decided = decisions();
        let before = self.device_reads()?;
        let (took, verifier) = if is_mapped(spec.workload) {
            self.touch(&file, &offsets, spec.op_bytes, limit)?
        } else {
            self.read(&file, &offsets, spec.op_bytes, limit)?
        };
        let after = self.device_reads()?;
        Ok(Sample {
            elapsed_ns: took.elapsed.as_nanos() as u64,
            cpu_ns: took.cpu.as_nanos() as u64,
            bytes: verifier.bytes(),
            ops: took.ops as u64,
            device_reads: after.requests - before.requests,
            device_bytes: after.bytes - before.bytes,
            decisions: decisions().saturating_sub(decided),
            checksum: verifier.checksum(),
        })
    }

    /// `pread()` every access into memory that is there already, then verify.
    fn read(
        &self,
        file: &File,
        offsets: &[u64],
        op_bytes: u64,
        limit: Duration,
    ) -> Result<(Took, Verifier), StageError> {
        let op_bytes = op_bytes as usize;
        // Not zeros, which the allocator would map on first use.
        let mut arena = vec![0xa5_u8; offsets.len() * op_bytes];
        let clocks = Clocks::start();
        let mut ops = 0;
        for (offset, buffer) in offsets.iter().zip(arena.chunks_exact_mut(op_bytes)) {
            file.read_exact_at(buffer, *offset).at("reading", &self.path)?;
            ops += 1;
            if clocks.start.elapsed() > limit {
                break;
            }
        }
        let took = clocks.stop(ops);
        let mut verifier = Verifier::new();
        for (offset, buffer) in offsets.iter().take(ops).zip(arena.chunks_exact(op_bytes)) {
            verifier.take(*offset, buffer)?;
        }
        Ok((took, verifier))
    }

    /// Touch a page of a mapping for every access, then verify those pages.
    fn touch(
        &self,
        file: &File,
        offsets: &[u64],
        op_bytes: u64,
        limit: Duration,
    ) -> Result<(Took, Verifier), StageError> {
        let map = Mapping::new(file, self.data_bytes as usize).at("mapping", &self.path)?;
        let clocks = Clocks::start();
        let mut ops = 0;
        for offset in offsets {
            map.touch(*offset as usize);
            ops += 1;
            // The clock is not to be felt.
            if ops % 16 == 0 && clocks.start.elapsed() > limit {
                break;
            }
        }
        let took = clocks.stop(ops);
        let mut verifier = Verifier::new();
        for offset in &offsets[..ops] {
            verifier.take(*offset, map.bytes(*offset as usize, op_bytes as usize))?;
        }
        Ok((took, verifier))
    }

    /// What the device has read so far, once it is idle.
    fn device_reads(&self) -> Result<DeviceReads, StageError> {
        self.stat.as_deref().map_or(Ok(DeviceReads::default()), DeviceReads::of)
    }
}

impl DeviceReads {
    /// What the device has read so far, once it is idle, from its statistics
    /// (`/sys/block/…/stat`).
    ///
    /// # Errors
    /// When they are none, or it does not come to rest.
    pub fn of(stat: &Path) -> Result<Self, StageError> {
        const REQUESTS: usize = 0;
        const SECTORS: usize = 2;
        const IN_FLIGHT: usize = 8;
        let start = Instant::now();
        loop {
            let text = fs::read_to_string(stat).at("reading", stat)?;
            let column = |at| text.split_whitespace().nth(at).and_then(|n| n.parse::<u64>().ok());
            match (column(REQUESTS), column(SECTORS), column(IN_FLIGHT)) {
                (Some(requests), Some(sectors), Some(0)) => {
                    return Ok(Self { requests, bytes: sectors * 512 });
                }
                (Some(_), Some(_), Some(_)) if start.elapsed() < IDLE_WITHIN => {
                    sleep(Duration::from_millis(1));
                }
                (Some(_), Some(_), Some(_)) => {
                    let (path, waited) = (stat.to_owned(), IDLE_WITHIN);
                    return Err(StageError::Busy { path, waited });
                }
                _ => {
                    return Err(std::io::Error::other("not the columns of a block device"))
                        .at("reading", stat);
                }
            }
        }
    }
}

/// What accesses took.
struct Took {
    elapsed: Duration,
    /// Of this thread alone, without the time that it waited.
    cpu: Duration,
    /// How many there were.
    ops: usize,
}

struct Clocks {
    start: Instant,
    cpu: Duration,
}

impl Clocks {
    fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_time() }
    }

    fn stop(&self, ops: usize) -> Took {
        Took { elapsed: self.start.elapsed(), cpu: cpu_time() - self.cpu, ops }
    }
}

/// Processor time of this thread so far.
pub(super) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A file, mapped.
pub struct Mapping {
    start: *const u8,
    len: usize,
}

// SAFETY: the mapping is never written to and lives as long as the value.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Map the first `len` bytes.
    pub fn new(file: &File, len: usize) -> rustix::io::Result<Self> {
        Self::map(file, len, ProtFlags::READ, MapFlags::SHARED)
    }

    /// Map the first `len` bytes so that what is written stays here.
    pub fn private(file: &File, len: usize) -> rustix::io::Result<Self> {
        Self::map(file, len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    }

    fn map(file: &File, len: usize, prot: ProtFlags, flags: MapFlags) -> rustix::io::Result<Self> {
        // SAFETY: a new mapping at an address that the kernel chooses touches
        // nothing that exists.
        let start = unsafe { mmap(std::ptr::null_mut(), len, prot, flags, file, 0)? };
        Ok(Self { start: start.cast(), len })
    }

    /// Write one byte of a private mapping, and with it get a copy of the page.
    pub fn scribble(&mut self, at: usize) {
        assert!(at < self.len, "outside of the mapping");
        // SAFETY: inside of the mapping, of which no borrow exists.
        unsafe { self.start.cast_mut().add(at).write_volatile(1) };
    }

    /// Read one byte, and with it the page.
    pub fn touch(&self, at: usize) {
        assert!(at < self.len, "outside of the mapping");
        // SAFETY: inside of the mapping; a file shorter than its mapping would
        // end the process, which is what a broken device is to do here.
        unsafe { self.start.add(at).read_volatile() };
    }

    /// A part of the file.
    pub fn bytes(&self, at: usize, len: usize) -> &[u8] {
        assert!(at + len <= self.len, "outside of the mapping");
        // SAFETY: inside of the mapping, which outlives the borrow; the
        // file is not written while workloads run.
        unsafe { std::slice::from_raw_parts(self.start.add(at), len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no borrow outlives it.
        let _ = unsafe { munmap(self.start as *mut c_void, self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::data::fill;
    use raext_model::Workload;

    fn target(dir: &tempfile::TempDir, data_bytes: u64) -> Target {
        let path = dir.path().join("data");
        let mut data = vec![0; data_bytes as usize];
        fill(0, &mut data);
        fs::write(&path, data).unwrap();
        Target { path, data_bytes, stat: None }
    }

    fn spec(workload: Workload) -> WorkloadSpec {
        WorkloadSpec { workload, op_bytes: 4096, ops: 16, stride_bytes: 8192, seed: 3 }
    }

    #[test]
    fn every_workload_gets_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir, 256 << 10);
        for workload in Workload::every() {
            let asked = std::cell::Cell::new(0);
            let decisions = || asked.replace(asked.get() + 5);
            let sample = target.run(&spec(workload), &decisions).unwrap();
            assert_eq!((sample.ops, sample.bytes), (16, 64 << 10), "{workload}");
            assert_eq!(sample.decisions, 5, "{workload}");
            let again = target.run(&spec(workload), &|| 0).unwrap();
            assert_eq!(again.checksum, sample.checksum, "{workload}");
        }
    }

    #[test]
    fn a_run_that_is_cut_short_tells_what_it_did() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir, 256 << 10);
        for (workload, ops) in [(Workload::SeqRead, 1), (Workload::MmapSeq, 16)] {
            let spec = WorkloadSpec { ops: 32, ..spec(workload) };
            let cut = target.run_within(&spec, Duration::ZERO, &|| 0).unwrap();
            assert_eq!((cut.ops, cut.bytes), (ops, ops * 4096), "{workload}");
        }
    }

    #[test]
    fn read_and_mapping_agree() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir, 256 << 10);
        let sum = |workload| target.run(&spec(workload), &|| 0).unwrap().checksum;
        assert_eq!(sum(Workload::SeqRead), sum(Workload::MmapSeq));
        assert_eq!(sum(Workload::RandomRead), sum(Workload::MmapRandom));
        assert_ne!(sum(Workload::SeqRead), sum(Workload::Backward));
    }

    #[test]
    fn what_the_device_counts_is_read_where_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let stat = dir.path().join("stat");
        let target = Target { stat: Some(stat.clone()), ..target(&dir, 64 << 10) };
        // Documentation/block/stat.rst: reads, merges, sectors, ticks; the same
        // of writes; in flight.
        fs::write(&stat, "  7  1  48  9  2  0  16  3  0  12  12\n").unwrap();
        let reads = target.device_reads().unwrap();
        assert_eq!((reads.requests, reads.bytes), (7, 48 * 512));
        fs::write(&stat, "7 1 48").unwrap();
        assert!(matches!(target.device_reads(), Err(StageError::Io { .. })));
    }

    #[test]
    fn wrong_data_and_too_little_of_it_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir, 64 << 10);
        let file = fs::OpenOptions::new().write(true).open(&target.path).unwrap();
        file.write_all_at(b"x", 5000).unwrap();
        let wrong = target.run(&spec(Workload::SeqRead), &|| 0).unwrap_err();
        assert!(matches!(wrong, StageError::WrongData { offset: 5000, .. }), "{wrong}");
        let large = WorkloadSpec { ops: 17, ..spec(Workload::SeqRead) };
        let error = target.run(&large, &|| 0).unwrap_err();
        assert!(matches!(error, StageError::TooLarge { needed: 69632, there: 65536 }), "{error}");
    }
}
