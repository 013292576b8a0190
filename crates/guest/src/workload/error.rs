// SPDX-License-Identifier: GPL-2.0-only
//! Why a device could not be made or a workload not be run.

use raext_model::BadSpec;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// What went wrong.
#[derive(Debug, Error)]
pub enum StageError {
    /// A file or device did not do what was asked.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// The attempt, as a verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file system could not be made.
    #[error("{program} ended with {status}: {said}")]
    Mkfs {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// A workload is larger than the data.
    #[error("the workload needs {needed} bytes of data, the device was set up with {there}")]
    TooLarge {
        /// Bytes the workload touches.
        needed: u64,
        /// Bytes there are.
        there: u64,
    },
    /// The workload cannot be run on any data.
    #[error(transparent)]
    BadSpec(#[from] BadSpec),
    /// A device did not finish what it was asked for.
    #[error("the device still has requests in flight after {waited:?}: {}", path.display())]
    Busy {
        /// The counters that said so.
        path: PathBuf,
        /// How long they were watched.
        waited: Duration,
    },
    /// Bytes came back other than they were written.
    #[error("wrong data at byte {offset}: read {found:#018x}, written was {expected:#018x}")]
    WrongData {
        /// Where in the file.
        offset: u64,
        /// The eight bytes found there.
        found: u64,
        /// The eight bytes that belong there.
        expected: u64,
    },
    /// A reader ended before it was told to.
    #[error("a reader ended by itself: {0}")]
    Reader(String),
}

/// Says where an I/O error happened.
pub trait Context<T> {
    /// The error as one of the attempt `what` on `path`.
    ///
    /// # Errors
    /// When `self` is one.
    fn at(self, what: &'static str, path: &Path) -> Result<T, StageError>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn at(self, what: &'static str, path: &Path) -> Result<T, StageError> {
        self.map_err(|error| StageError::Io {
            what,
            path: path.to_path_buf(),
            source: error.into(),
        })
    }
}
