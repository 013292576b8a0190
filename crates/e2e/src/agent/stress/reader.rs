// SPDX-License-Identifier: GPL-2.0-only
//! A thread that uses files and changes none: reads, faults, and advice of
//! every kind.

use crate::agent::stress::content::WORD;
use crate::agent::stress::deck::{range, shuffled};
use crate::agent::stress::files::{Files, Known};
use crate::agent::stress::map::Map;
use crate::agent::stress::tally::Tally;
use raext_guest::parts::StageContext as _;
use raext_guest::parts::StageError;
use raext_model::SplitMix;
use rustix::fs::{Advice, MemfdFlags, fadvise, memfd_create, sendfile};
use rustix::io::Errno;
use rustix::mm;
use std::fs::File;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// Largest read, bytes.
const READ: u64 = 128 << 10;
/// Largest run of pages that are faulted in one operation, bytes.
const FAULT: u64 = 64 << 10;
/// Largest range of advice, bytes.
const ADVICE: u64 = 2 << 20;
const PAGE: u64 = 4096;

/// Where the next access is.
#[derive(Debug, Clone, Copy)]
enum Order {
    Sequential,
    Random,
    Backward,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Read(Order),
    Splice(Order),
    Fault(Order),
    Fadvise(Advice),
    Madvise(mm::Advice),
    Readahead,
}

/// A deck: most of it is access, without which advice is nothing.
const OPERATIONS: [(&str, Operation); 29] = [
    ("read-sequential", Operation::Read(Order::Sequential)),
    ("read-sequential", Operation::Read(Order::Sequential)),
    ("read-sequential", Operation::Read(Order::Sequential)),
    ("read-random", Operation::Read(Order::Random)),
    ("read-random", Operation::Read(Order::Random)),
    ("read-backward", Operation::Read(Order::Backward)),
    ("splice", Operation::Splice(Order::Sequential)),
    ("splice", Operation::Splice(Order::Random)),
    ("fault-sequential", Operation::Fault(Order::Sequential)),
    ("fault-sequential", Operation::Fault(Order::Sequential)),
    ("fault-random", Operation::Fault(Order::Random)),
    ("fault-random", Operation::Fault(Order::Random)),
    ("readahead", Operation::Readahead),
    ("fadvise-normal", Operation::Fadvise(Advice::Normal)),
    ("fadvise-random", Operation::Fadvise(Advice::Random)),
    ("fadvise-sequential", Operation::Fadvise(Advice::Sequential)),
    ("fadvise-willneed", Operation::Fadvise(Advice::WillNeed)),
    ("fadvise-dontneed", Operation::Fadvise(Advice::DontNeed)),
    ("fadvise-noreuse", Operation::Fadvise(Advice::NoReuse)),
    ("madvise-normal", Operation::Madvise(mm::Advice::Normal)),
    ("madvise-random", Operation::Madvise(mm::Advice::Random)),
    ("madvise-sequential", Operation::Madvise(mm::Advice::Sequential)),
    ("madvise-willneed", Operation::Madvise(mm::Advice::WillNeed)),
    ("madvise-dontneed", Operation::Madvise(mm::Advice::LinuxDontNeed)),
    ("madvise-cold", Operation::Madvise(mm::Advice::LinuxCold)),
    ("madvise-pageout", Operation::Madvise(mm::Advice::LinuxPageOut)),
    ("madvise-populate-read", Operation::Madvise(mm::Advice::LinuxPopulateRead)),
    ("madvise-hugepage", Operation::Madvise(mm::Advice::LinuxHugepage)),
    ("madvise-nohugepage", Operation::Madvise(mm::Advice::LinuxNoHugepage)),
];

/// A reader.
pub(super) struct Reader<'a> {
    files: &'a Files,
    numbers: SplitMix,
    scratch: File,
    buffer: Vec<u8>,
    /// What it did.
    pub tally: Tally,
}

/// A file that a reader has open.
struct Open<'a> {
    known: &'a Known,
    path: PathBuf,
    file: File,
    map: Map,
    /// Where sequential access goes on.
    at: u64,
}

impl<'a> Reader<'a> {
    /// A reader of `files`.
    pub(super) fn new(files: &'a Files, seed: u64) -> Result<Self, StageError> {
        let scratch = scratch()?;
        let (numbers, buffer) = (SplitMix(seed), vec![0; READ as usize]);
        Ok(Self { files, numbers, scratch, buffer, tally: Tally::default() })
    }

    /// Open a file, do every operation in some order, close it.
    pub(super) fn batch(&mut self) -> Result<(), StageError> {
        let known = self.files.pick(&mut self.numbers);
        let path = self.files.path(known);
        let file = File::open(&path).at("opening", &path)?;
        let map = Map::new(&file, known.len, false).at("mapping", &path)?;
        let at = self.numbers.below(known.len / PAGE) * PAGE;
        let mut open = Open { known, path, file, map, at };
        for (name, operation) in shuffled(&OPERATIONS, &mut self.numbers) {
            self.perform(name, operation, &mut open)?;
            self.tally.did(name);
        }
        Ok(())
    }

    fn perform(
        &mut self,
        name: &'static str,
        operation: Operation,
        open: &mut Open<'_>,
    ) -> Result<(), StageError> {
        match operation {
            Operation::Read(order) => {
                let (at, len) = self.place(order, open, WORD as u64, READ);
                let n = open.file.read_at(&mut self.buffer[..len], at).at(name, &open.path)?;
                self.check(name, open.known, at, n);
                Ok(())
            }
            Operation::Splice(order) => {
                let (at, len) = self.place(order, open, WORD as u64, READ);
                self.splice(at, len, open).map(|n| self.check(name, open.known, at, n))
            }
            Operation::Fault(order) => {
                let (at, len) = self.place(order, open, PAGE, FAULT);
                let buffer = &mut self.buffer[..len];
                let n = if open.known.stable {
                    open.map.load(at, buffer);
                    len
                } else {
                    open.map.copy(at, buffer, &self.scratch).at(name, &open.path)?
                };
                self.check(name, open.known, at, n);
                Ok(())
            }
            Operation::Fadvise(advice) => {
                let (at, len) = self.place(Order::Random, open, WORD as u64, ADVICE);
                // A length of 0 is the whole file, once in a while.
                let len = NonZeroU64::new(if self.numbers.below(4) == 0 { 0 } else { len as u64 });
                fadvise(&open.file, at, len, advice).at(name, &open.path)
            }
            Operation::Madvise(advice) => {
                let (at, len) = self.place(Order::Random, open, PAGE, ADVICE);
                match open.map.advise(at, len, advice) {
                    // Populated as far as the file goes just now.
                    Err(Errno::FAULT) if !open.known.stable => Ok(()),
                    done => done.at(name, &open.path),
                }
            }
            Operation::Readahead => {
                let (at, len) = self.place(Order::Random, open, WORD as u64, ADVICE);
                let at = libc::off64_t::try_from(at).map_err(std::io::Error::other);
                let at = at.at(name, &open.path)?;
                // SAFETY: a call without pointers, on a descriptor that is open.
                match unsafe { libc::readahead(open.file.as_raw_fd(), at, len) } {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()).at(name, &open.path),
                }
            }
        }
    }

    /// The next place to access: its offset and length.
    fn place(&mut self, order: Order, open: &mut Open<'_>, unit: u64, most: u64) -> (u64, usize) {
        let end = open.known.len;
        // A file is never shorter than a page.
        let (mut at, mut len) = range(&mut self.numbers, end, unit, most).unwrap_or((0, unit));
        match order {
            Order::Random => {}
            Order::Sequential => {
                at = if open.at >= end { 0 } else { open.at / unit * unit };
                len = len.min(end - at);
                open.at = at + len;
            }
            Order::Backward => {
                let from = if open.at == 0 { end } else { open.at / unit * unit };
                len = len.min(from.max(unit));
                at = from.saturating_sub(len);
                open.at = at;
            }
        }
        (at, len as usize)
    }

    /// Have the kernel move a part of the file into `scratch`.
    fn splice(&mut self, at: u64, len: usize, open: &Open<'_>) -> Result<usize, StageError> {
        rustix::fs::seek(&self.scratch, rustix::fs::SeekFrom::Start(0))
            .at("seeking", &open.path)?;
        let mut from = at;
        let n =
            sendfile(&self.scratch, &open.file, Some(&mut from), len).at("splicing", &open.path)?;
        self.scratch.read_exact_at(&mut self.buffer[..n], 0).at("reading back", &open.path)?;
        Ok(n)
    }

    /// Compare the first `n` bytes of the buffer with what belongs at `at`.
    fn check(&mut self, name: &'static str, known: &Known, at: u64, n: usize) {
        let read = &self.buffer[..n];
        let wrong = if known.stable {
            known.content.compare(at, read, |_| 1)
        } else {
            known.content.compare_any(at, read)
        };
        self.tally.compared(&known.name, name, n, wrong);
    }
}

/// A file in memory, for what passes through the kernel.
pub(super) fn scratch() -> Result<File, StageError> {
    let file = memfd_create("raext-scratch", MemfdFlags::CLOEXEC);
    file.map(File::from).at("making", "a file in memory".as_ref())
}
