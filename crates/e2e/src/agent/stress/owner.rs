// SPDX-License-Identifier: GPL-2.0-only
//! A thread that changes a file of its own and knows what must be in it. Others
//! read the file meanwhile and bring its pages into the cache, just when they
//! must not stay there.

use crate::agent::stress::content::VERSIONS;
use crate::agent::stress::deck::{range, shuffled};
use crate::agent::stress::files::{Files, Known};
use crate::agent::stress::map::Map;
use crate::agent::stress::model::{GRAIN, Model};
use crate::agent::stress::reader::scratch;
use crate::agent::stress::tally::Tally;
use raext_guest::parts::StageContext as _;
use raext_guest::parts::StageError;
use raext_model::SplitMix;
use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use rustix::mm;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// Largest change and check, bytes.
const MOST: u64 = 256 << 10;
const PAGE: u64 = 4096;

#[derive(Debug, Clone, Copy)]
enum Operation {
    Write,
    /// Through the mapping.
    Store,
    Truncate,
    Extend,
    Punch,
    /// `MADV_REMOVE`, the hole by way of a mapping.
    Remove,
    Sync,
    Forget,
    Check,
    /// Through the mapping.
    CheckMapped,
}

/// A deck: what was changed is read again before and after it was forgotten.
const OPERATIONS: [(&str, Operation); 18] = [
    ("write", Operation::Write),
    ("write", Operation::Write),
    ("write", Operation::Write),
    ("store", Operation::Store),
    ("truncate", Operation::Truncate),
    ("extend", Operation::Extend),
    ("punch", Operation::Punch),
    ("punch", Operation::Punch),
    ("madvise-remove", Operation::Remove),
    ("sync", Operation::Sync),
    ("forget", Operation::Forget),
    ("forget", Operation::Forget),
    ("check", Operation::Check),
    ("check", Operation::Check),
    ("check", Operation::Check),
    ("check-mapped", Operation::CheckMapped),
    ("check-mapped", Operation::CheckMapped),
    ("check-mapped", Operation::CheckMapped),
];

/// The owner of a file.
pub(super) struct Owner<'a> {
    known: &'a Known,
    path: PathBuf,
    model: Model,
    version: u8,
    numbers: SplitMix,
    scratch: File,
    buffer: Vec<u8>,
    /// What it did.
    pub tally: Tally,
}

impl<'a> Owner<'a> {
    /// The owner of `known`, which is as it was made.
    pub(super) fn new(files: &Files, known: &'a Known, seed: u64) -> Result<Self, StageError> {
        Ok(Self {
            known,
            path: files.path(known),
            model: Model::new(known.len),
            version: 1,
            numbers: SplitMix(seed),
            scratch: scratch()?,
            buffer: vec![0; MOST as usize],
            tally: Tally::default(),
        })
    }

    /// Open the file, do every operation in some order, close it. Once in a
    /// while, put another file into its place first.
    pub(super) fn batch(&mut self) -> Result<(), StageError> {
        if self.numbers.below(4) == 0 {
            self.replace()?;
        }
        let file = self.open()?;
        let mut map = Map::new(&file, self.known.len, true).at("mapping", &self.path)?;
        for (name, operation) in shuffled(&OPERATIONS, &mut self.numbers) {
            if self.perform(name, operation, &file, &mut map)? {
                self.tally.did(name);
            }
        }
        Ok(())
    }

    /// Read the whole file and its length.
    pub(super) fn verify(&mut self) -> Result<(), StageError> {
        let file = self.open()?;
        for at in (0..self.known.len).step_by(MOST as usize) {
            self.check("verify", &file, at, MOST)?;
        }
        self.tally.did("verify");
        Ok(())
    }

    fn open(&self) -> Result<File, StageError> {
        OpenOptions::new().read(true).write(true).open(&self.path).at("opening", &self.path)
    }

    /// A new file takes the name; others may still read the old one.
    fn replace(&mut self) -> Result<(), StageError> {
        let new = self.path.with_extension("new");
        File::create(&new).at("making", &new)?;
        fs::rename(&new, &self.path).at("replacing", &self.path)?;
        self.model.resize(0);
        self.tally.did("replace");
        Ok(())
    }

    /// Returns whether there was anything to do it to.
    fn perform(
        &mut self,
        name: &'static str,
        operation: Operation,
        file: &File,
        map: &mut Map,
    ) -> Result<bool, StageError> {
        let len = self.model.len();
        let within = match operation {
            Operation::Write | Operation::Check => self.known.len,
            _ => len,
        };
        let unit = match operation {
            Operation::Remove | Operation::CheckMapped => PAGE,
            _ => GRAIN,
        };
        let Some((at, size)) = range(&mut self.numbers, within, unit, MOST) else {
            return Ok(false);
        };
        match operation {
            Operation::Write => {
                let part = self.next_version(at, size);
                file.write_all_at(part, at).at(name, &self.path)?;
                self.model.write(at, size, self.version);
            }
            Operation::Store => {
                map.store(at, self.next_version(at, size));
                self.model.write(at, size, self.version);
            }
            Operation::Truncate => {
                file.set_len(at).at(name, &self.path)?;
                self.model.resize(at);
            }
            Operation::Extend => {
                let grains = (self.known.len - len) / GRAIN;
                let longer = len + self.numbers.below(grains + 1) * GRAIN;
                file.set_len(longer).at(name, &self.path)?;
                self.model.resize(longer);
            }
            Operation::Punch => {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(file, hole, at, size).at(name, &self.path)?;
                self.model.punch(at, size);
            }
            Operation::Remove => {
                map.advise(at, size as usize, mm::Advice::LinuxRemove).at(name, &self.path)?;
                self.model.punch(at, size);
            }
            Operation::Sync => file.sync_data().at(name, &self.path)?,
            Operation::Forget => {
                fadvise(file, 0, None, Advice::DontNeed).at(name, &self.path)?;
            }
            Operation::Check => self.check(name, file, at, size)?,
            Operation::CheckMapped => {
                let buffer = &mut self.buffer[..size as usize];
                let n = map.copy(at, buffer, &self.scratch).at(name, &self.path)?;
                self.compare(name, at, n, size as usize);
            }
        }
        Ok(true)
    }

    /// The next version of a part of the file.
    fn next_version(&mut self, at: u64, size: u64) -> &[u8] {
        self.version = self.version % VERSIONS + 1;
        let part = &mut self.buffer[..size as usize];
        self.known.content.fill(at, self.version, part);
        part
    }

    /// Read a part, as far as the file goes.
    fn check(
        &mut self,
        name: &'static str,
        file: &File,
        at: u64,
        size: u64,
    ) -> Result<(), StageError> {
        let mut n = 0;
        while n < size as usize {
            let rest = &mut self.buffer[n..size as usize];
            match file.read_at(rest, at + n as u64).at(name, &self.path)? {
                0 => break,
                more => n += more,
            }
        }
        self.compare(name, at, n, self.model.len().saturating_sub(at).min(size) as usize);
        Ok(())
    }

    /// Compare the first `n` bytes of the buffer with what must be at `at`, of
    /// which `expected` bytes can be read. What is missing is wrong, too.
    fn compare(&mut self, name: &'static str, at: u64, n: usize, expected: usize) {
        self.buffer[n..expected.max(n)].fill(0xee);
        let len = expected.max(n);
        let (model, content) = (&self.model, &self.known.content);
        let wrong = content.compare(at, &self.buffer[..len], |at| model.version_at(at));
        self.tally.compared(&self.known.name, name, len, wrong);
    }
}
