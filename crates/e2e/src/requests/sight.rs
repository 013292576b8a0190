// SPDX-License-Identifier: GPL-2.0-only
//! Reading a file from a device that fails in places: what an application sees.

use serde::{Deserialize, Serialize};

/// How the file is read, from start to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum ReadBy {
    /// `pread()` of so many bytes; after an error, behind the page that failed.
    Read {
        /// Bytes of each, a multiple of 4096.
        op_bytes: u64,
    },
    /// Touching each page of a mapping; after a signal, from the next page on.
    Mapping,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Where a read did not bring what it asked for, in order.
    pub failures: Vec<ReadFailure>,
    /// Bytes that came, each compared with what belongs there.
    pub bytes: u64,
    /// Decisions that policies were asked for meanwhile.
    pub decisions: u64,
}

/// A read that did not bring what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFailure {
    /// Where it began, bytes.
    pub offset: u64,
    /// What came instead.
    pub outcome: Outcome,
}

/// What came instead of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Fewer bytes.
    Short(u64),
    /// An error number.
    Error(i32),
    /// A signal that ended the process.
    Signal(i32),
}
