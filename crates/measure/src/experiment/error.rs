// SPDX-License-Identifier: GPL-2.0-only
//! Why there is no benchmark.

use raext_model::{Classified, Kind};
use raext_vm::SessionError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What went wrong. That a row cannot be run is no error: its cells say so.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A file.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The attempt, as a verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A line of the store.
    #[error(
        "{}: line {number} is not one of a bench ({why}): --fresh begins anew",
        path.display()
    )]
    BadLine {
        /// The store.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The store holds something else.
    #[error(
        "{} holds another bench: {why}: --fresh deletes it, --out keeps this one elsewhere",
        path.display()
    )]
    OtherBench {
        /// The store.
        path: PathBuf,
        /// The difference.
        why: String,
    },
    /// Two at once.
    #[error("{} is in use by another bench", .0.display())]
    InUse(PathBuf),
    /// The microVM could not be had.
    #[error("{0}")]
    Session(#[from] SessionError),
}

impl Classified for BenchError {
    fn kind(&self) -> Kind {
        match self {
            Self::Session(error) => error.kind(),
            // The store is the project's own file, wherever it lies.
            Self::Io { .. } => Kind::Environment,
            Self::BadLine { .. } | Self::OtherBench { .. } | Self::InUse(_) => Kind::Refused,
        }
    }
}

impl BenchError {
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }
}
