// SPDX-License-Identifier: GPL-2.0-only
//! The steps of [`Act`](crate::requests::Act), inside of the worker.

use crate::agent::act::fuse::{self, Shared};
use crate::requests::{Did, Step, Stream};
use io_uring::{IoUring, opcode, types};
use raext_guest::parts::{PAGE, StageContext as _, StageError, load_for};
use rustix::fs::{Advice as FileAdvice, fadvise};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use rustix::system::finit_module;
use std::fs::{self, File};
use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Run the steps in their order, and call `did` after each.
///
/// # Errors
/// When a step fails.
pub(in crate::agent) fn run(steps: &[Step], did: &mut dyn FnMut(Did)) -> Result<(), StageError> {
    let mut state = State::default();
    for step in steps {
        let start = Instant::now();
        let Done { value, took } = state.step(step)?;
        let took = took.unwrap_or_else(|| start.elapsed());
        did(Did { ns: took.as_nanos() as u64, value });
    }
    Ok(())
}

#[derive(Default)]
struct Done {
    value: i64,
    /// The time of the part of the step that counts, if it is not all of it.
    took: Option<Duration>,
}

impl From<i64> for Done {
    fn from(value: i64) -> Self {
        Self { value, took: None }
    }
}

/// What the steps work on.
#[derive(Default)]
struct State {
    file: Option<(File, PathBuf)>,
    mapping: Option<Memory>,
    fuse: Arc<Shared>,
}

impl State {
    fn step(&mut self, step: &Step) -> Result<Done, StageError> {
        match step {
            Step::Write { path, text } => {
                fs::write(path, text).at("writing", Path::new(path))?;
                Ok(Done::default())
            }
            Step::Open { path } => {
                let file = File::open(path).at("opening", Path::new(path))?;
                self.file = Some((file, PathBuf::from(path)));
                Ok(Done::default())
            }
            &Step::Read { offset, bytes, times, flags } => {
                let (file, path) = self.file()?;
                let memory = Memory::new(bytes as usize).at("reading", path)?;
                let start = Instant::now();
                let mut value = 0;
                for _ in 0..times {
                    value = memory.read(file, offset, flags);
                }
                Ok(Done { value, took: Some(start.elapsed()) })
            }
            &Step::WillNeed { page, pages } => {
                let (file, path) = self.file()?;
                let length = NonZeroU64::new(pages * PAGE);
                fadvise(file, page * PAGE, length, FileAdvice::WillNeed).at("reading", path)?;
                Ok(Done::default())
            }
            &Step::RingRead { offset, bytes } => {
                let (file, path) = self.file()?;
                ring_read(file, offset, bytes).at("reading", path)
            }
            Step::Streams { streams } => {
                let (file, path) = self.file()?;
                read_streams(file, streams).at("reading", path)
            }
            &Step::Map { bytes, advice } => {
                let (file, path) = self.file()?;
                let mapping = Memory::of(file, bytes as usize, advice).at("mapping", path)?;
                *self.fuse.mapped.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((mapping.start as usize, mapping.length));
                self.mapping = Some(mapping);
                Ok(Done::default())
            }
            &Step::Touch { page } => Ok(self.mapping()?.touch(page).into()),
            &Step::Cached { page, pages } => {
                let cached = self.mapping()?.cached(page, pages);
                Ok(cached.at("looking at", Path::new("the mapping"))?.into())
            }
            &Step::Sleep { ms } => {
                thread::sleep(Duration::from_millis(ms));
                Ok(Done::default())
            }
            Step::MountFuse { served } => {
                fuse::serve(*served, &self.fuse)?;
                Ok(Done::default())
            }
            Step::Insert { path } => {
                let module = File::open(path).at("opening", Path::new(path))?;
                let error = finit_module(&module, c"", 0).err();
                Ok(error.map_or(0, |error| -i64::from(error.raw_os_error())).into())
            }
            Step::Driver { name } => {
                let loaded =
                    load_for(name).map_err(|failure| io::Error::other(failure.to_string()));
                loaded.at("loading", Path::new(name)).map(|()| Done::default())
            }
            &Step::FuseReads { page, pages } => Ok(self.fuse.reads_in(page, pages).into()),
        }
    }

    fn file(&self) -> Result<(&File, &Path), StageError> {
        let file = self.file.as_ref().map(|(file, path)| (file, path.as_path()));
        let none = || io::Error::other("no step has opened it");
        file.ok_or_else(none).at("using", Path::new("the file"))
    }

    fn mapping(&self) -> Result<&Memory, StageError> {
        let none = || io::Error::other("no step has made it");
        self.mapping.as_ref().ok_or_else(none).at("using", Path::new("the mapping"))
    }
}

/// A mapping; gone when dropped.
struct Memory {
    start: *mut libc::c_void,
    length: usize,
}

impl Memory {
    /// Room for what is read, of which only those pages use memory that are.
    fn new(length: usize) -> io::Result<Self> {
        let (protection, flags) =
            (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping, in no one's place.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), length, protection, flags)? };
        Ok(Self { start, length })
    }

    fn of(file: &File, length: usize, advice: Option<i32>) -> io::Result<Self> {
        let (protection, flags) = (ProtFlags::READ, MapFlags::SHARED);
        // SAFETY: a new mapping, in no one's place.
        let start = unsafe { mmap(std::ptr::null_mut(), length, protection, flags, file, 0)? };
        let mapping = Self { start, length };
        if let Some(advice) = advice {
            // SAFETY: advice about readahead and huge pages changes no memory.
            if unsafe { libc::madvise(start, length, advice) } != 0 {
                return Err(io::Error::last_os_error());
            }
        } else {
            // SAFETY: as above.
            unsafe { madvise(start, length, Advice::Normal)? };
        }
        Ok(mapping)
    }

    /// Bytes read, or an error number below 0.
    fn read(&self, file: &File, offset: u64, flags: i32) -> i64 {
        let vector = libc::iovec { iov_base: self.start, iov_len: self.length };
        // SAFETY: the vector is this mapping, which is writable.
        let n =
            unsafe { libc::preadv2(file.as_raw_fd(), &raw const vector, 1, offset as i64, flags) };
        match n {
            -1 => -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or_default()),
            n => n as i64,
        }
    }

    fn touch(&self, page: u64) -> i64 {
        let at = (page * PAGE) as usize;
        assert!(at < self.length, "outside of the mapping");
        // SAFETY: inside of the mapping.
        unsafe { self.start.cast::<u8>().add(at).read_volatile() }.into()
    }

    fn cached(&self, page: u64, pages: u64) -> io::Result<i64> {
        let (at, length) = ((page * PAGE) as usize, (pages * PAGE) as usize);
        assert!(at + length <= self.length, "outside of the mapping");
        let mut there = vec![0_u8; pages as usize];
        // SAFETY: inside of the mapping, with a byte for each page.
        if unsafe { libc::mincore(self.start.add(at), length, there.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(there.iter().filter(|page| **page & 1 != 0).count() as i64)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no borrow outlives it.
        let _ = unsafe { munmap(self.start, self.length) };
    }
}

fn ring_read(file: &File, offset: u64, bytes: u32) -> io::Result<Done> {
    let memory = Memory::new(bytes as usize)?;
    let mut ring = IoUring::new(1)?;
    let read = opcode::Read::new(types::Fd(file.as_raw_fd()), memory.start.cast(), bytes)
        .offset(offset)
        .build();
    // SAFETY: file and memory stay until the completion was waited for, below.
    unsafe { ring.submission().push(&read) }.map_err(io::Error::other)?;
    let start = Instant::now();
    ring.submit()?;
    let took = start.elapsed();
    ring.submit_and_wait(1)?;
    let value = ring.completion().next().map_or(0, |completion| completion.result().into());
    Ok(Done { value, took: Some(took) })
}

fn read_streams(file: &File, streams: &[Stream]) -> io::Result<Done> {
    let read = |stream: &Stream| {
        let mut buffer = vec![0; stream.op_bytes as usize];
        thread::sleep(Duration::from_millis(stream.after_ms));
        (0..u64::from(stream.ops))
            .try_for_each(|op| file.read_exact_at(&mut buffer, stream.start + op * stream.apart))
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            streams.iter().map(|stream| scope.spawn(move || read(stream))).collect();
        let ends = threads.into_iter().map(joined);
        ends.collect::<io::Result<Vec<()>>>()
    })?;
    Ok(Done::default())
}

fn joined(thread: ScopedJoinHandle<'_, io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}
