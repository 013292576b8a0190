// SPDX-License-Identifier: GPL-2.0-only
//! Why nothing was learned.

use raext_model::{Classified, Kind};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The errors of recordings and of training.
#[derive(Debug, Error)]
pub enum LearnError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not one of a recording.
    #[error("{}:{line}: {why}", path.display())]
    Line {
        /// The recording.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Its fault.
        why: String,
    },
    /// A line of the kernel's trace was not understood.
    #[error("the kernel's trace has a line that is not understood: {0}")]
    Trace(String),
    /// The kernel dropped events.
    #[error("the kernel's trace is incomplete: {0} events were lost")]
    Lost(u64),
    /// There is too little in it.
    #[error("{0} decisions are too few to learn from: record more")]
    TooFew(usize),
}

impl Classified for LearnError {
    fn kind(&self) -> Kind {
        match self {
            // The user names the recording.
            Self::File { .. } | Self::Line { .. } | Self::TooFew(_) => Kind::Refused,
            Self::Trace(_) | Self::Lost(_) => Kind::Environment,
        }
    }
}
