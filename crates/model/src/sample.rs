// SPDX-License-Identifier: GPL-2.0-only
//! One measurement.

use serde::{Deserialize, Serialize};

/// What one run of a workload took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Wall time of the accesses, nanoseconds.
    pub elapsed_ns: u64,
    /// Processor time of the accesses, nanoseconds; where instructions are
    /// counted, so many of them.
    #[serde(default)]
    pub cpu_ns: u64,
    /// Bytes that the workload asked for and got.
    pub bytes: u64,
    /// Accesses.
    pub ops: u64,
    /// Read requests that the device completed meanwhile.
    pub device_reads: u64,
    /// Bytes that the device read meanwhile.
    pub device_bytes: u64,
    /// Decisions that the policy was asked for (0 without a policy).
    pub decisions: u64,
    /// Checksum over every byte read, in order of access.
    pub checksum: u64,
}

/// How data that is cached is accessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CachedAccess {
    /// `read()`, 64 KiB each.
    Read,
    /// Touch the pages of a mapping.
    Fault,
    /// Write to the pages of a private mapping.
    WriteFault,
}

/// One pass over cached data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Wall time, nanoseconds.
    pub ns: u64,
    /// Processor time, nanoseconds; where instructions are counted, so many of
    /// them.
    pub cpu_ns: u64,
    /// Accesses.
    pub ops: u64,
}
