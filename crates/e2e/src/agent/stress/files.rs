// SPDX-License-Identifier: GPL-2.0-only
//! The files: some that stay as they are, some that change all the time.

use crate::agent::stress::content::Content;
use raext_guest::parts::StageContext as _;
use raext_guest::parts::StageError;
use raext_model::SplitMix;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Files that stay, and the length of each, bytes.
const STABLE: u64 = 3;
const STABLE_LEN: u64 = 16 << 20;
/// Files that change, and the length that each has at first and never exceeds.
pub(super) const CHANGING: u64 = 2;
const CHANGING_LEN: u64 = 8 << 20;
/// Portion of the writes that make them.
const PORTION: usize = 256 << 10;

/// The files of a stress.
#[derive(Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    all: Vec<Known>,
}

/// A file whose contents are known.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its name.
    pub name: String,
    /// Its length; for one that changes, the most.
    pub len: u64,
    /// What is in it.
    pub content: Content,
    /// Whether it stays in version 1.
    pub stable: bool,
}

impl Files {
    /// The files in `dir`, as they are for `seed`.
    pub(crate) fn of(dir: &Path, seed: u64) -> Self {
        let stable = (0..STABLE).map(|i| (format!("stable{i}"), STABLE_LEN, true));
        let changing = (0..CHANGING).map(|i| (format!("changing{i}"), CHANGING_LEN, false));
        let known = |(file, (name, len, stable))| {
            let content = Content::new(seed, file);
            Known { name, len, content, stable }
        };
        Self { dir: dir.to_owned(), all: (0..).zip(stable.chain(changing)).map(known).collect() }
    }

    /// Bytes of all.
    pub(crate) const fn bytes() -> u64 {
        STABLE * STABLE_LEN + CHANGING * CHANGING_LEN
    }

    /// Write them all, in version 1.
    pub(crate) fn write(&self) -> Result<(), StageError> {
        let mut buffer = vec![0; PORTION];
        for known in &self.all {
            let path = self.path(known);
            let file = File::create(&path).at("making", &path)?;
            for at in (0..known.len).step_by(PORTION) {
                known.content.fill(at, 1, &mut buffer);
                file.write_all_at(&buffer, at).at("writing", &path)?;
            }
            file.sync_all().at("writing", &path)?;
        }
        Ok(())
    }

    /// Where a file is.
    pub(crate) fn path(&self, known: &Known) -> PathBuf {
        self.dir.join(&known.name)
    }

    /// Any file.
    pub(crate) fn pick(&self, numbers: &mut SplitMix) -> &Known {
        &self.all[numbers.below(self.all.len() as u64) as usize]
    }

    /// Those that change.
    pub(crate) fn changing(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().filter(|known| !known.stable)
    }
}
