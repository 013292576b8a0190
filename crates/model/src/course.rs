// SPDX-License-Identifier: GPL-2.0-only
//! What `raext bench` runs on the device of the data file: one access pattern, or
//! what takes more than one file.

use crate::WorkloadSpec;
use serde::{Deserialize, Serialize};

/// What is run. The same value gives the same accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// A pattern over the data file.
    Pattern(WorkloadSpec),
    /// A sequential scan of a file of its own, and at the same time random touches
    /// of the data file's mapping. Each part is timed until it has done its share;
    /// it goes on until the other one has, too, so that no part is ever alone.
    Beside {
        /// The scan; its file is as long as what it reads.
        scan: WorkloadSpec,
        /// The random touches.
        random: WorkloadSpec,
    },
    /// Many files, each opened and read whole, in an order that is not the one in
    /// which they lie on the device.
    SmallFiles(SmallFiles),
}

/// Many small files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmallFiles {
    /// How many.
    pub files: u64,
    /// Seed of their sizes and their order.
    pub seed: u64,
    /// The smallest, pages.
    pub least_pages: u64,
    /// The largest, pages.
    pub most_pages: u64,
    /// Bytes of each read.
    pub op_bytes: u64,
}

/// What one run of a [`Course`] took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseRun {
    /// What is timed by itself: one, or each of those that run at the same time.
    pub parts: Vec<CoursePart>,
    /// Read requests that the device completed meanwhile.
    pub device_reads: u64,
    /// Bytes that the device read meanwhile.
    pub device_bytes: u64,
    /// Decisions that the policy was asked for (0 without a policy).
    pub decisions: u64,
    /// Checksum over every byte of the shares, in order of access.
    pub checksum: u64,
    /// Whether it came to its limit, and did not do all.
    pub cut: bool,
}

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoursePart {
    /// What it does.
    pub name: String,
    /// Wall time of its share, nanoseconds.
    pub ns: u64,
    /// Accesses of its share.
    pub ops: u64,
}
