// SPDX-License-Identifier: GPL-2.0-only
//! The access patterns that are measured, and how large each one is.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An access pattern over the data file, cold cache at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// `read()` from start to end.
    SeqRead,
    /// Touch every page of a mapping in order.
    MmapSeq,
    /// `pread()` at random offsets.
    RandomRead,
    /// Touch random pages of a mapping.
    MmapRandom,
    /// `pread()` at a constant distance larger than the read.
    Stride,
    /// `pread()` from the end to the start, each read just before the last one.
    Backward,
    /// Three sequential streams that take turns on one descriptor.
    Interleaved,
    /// Touch every page of a mapping from the end to the start.
    MmapBackward,
    /// As [`Workload::Stride`], from the end to the start.
    StrideBackward,
    /// A random place, then 4 to 16 sequential `pread()`s there, and another place.
    RandomBurst,
    /// `pread()` in sequence, then at random, then in sequence elsewhere: what was
    /// learnt is wrong twice.
    Phases,
}

impl Workload {
    /// Those that are compared by default, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::SeqRead,
        Self::MmapSeq,
        Self::RandomRead,
        Self::MmapRandom,
        Self::Stride,
        Self::Backward,
        Self::Interleaved,
    ];

    /// The others, which `raext bench` has too.
    pub const MORE: [Self; 4] =
        [Self::MmapBackward, Self::StrideBackward, Self::RandomBurst, Self::Phases];

    /// Every workload.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::MORE)
    }

    /// The name used on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeqRead => "seq-read",
            Self::MmapSeq => "mmap-seq",
            Self::RandomRead => "random-read",
            Self::MmapRandom => "mmap-random",
            Self::Stride => "stride",
            Self::Backward => "backward",
            Self::Interleaved => "interleaved",
            Self::MmapBackward => "mmap-backward",
            Self::StrideBackward => "stride-backward",
            Self::RandomBurst => "random-burst",
            Self::Phases => "phases",
        }
    }

    /// One line for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::SeqRead => "sequential read()",
            Self::MmapSeq => "sequential scan of a mapping",
            Self::RandomRead => "random pread()",
            Self::MmapRandom => "random page faults in a mapping",
            Self::Stride => "pread() every so far apart",
            Self::Backward => "pread() from the end to the start",
            Self::Interleaved => "three sequential streams on one descriptor",
            Self::MmapBackward => "scan of a mapping from the end to the start",
            Self::StrideBackward => "pread() every so far apart, from the end",
            Self::RandomBurst => "a few pread() in sequence at random places",
            Self::Phases => "sequential, then random, then sequential elsewhere",
        }
    }

    /// The size at which the kernel's default takes some tenths of a second on
    /// the `disk` profile: long enough to measure, short enough to repeat.
    pub const fn default_spec(self) -> WorkloadSpec {
        const MIB: u64 = 1 << 20;
        let (op_bytes, ops, stride_bytes) = match self {
            Self::SeqRead => (64 << 10, 16 * MIB / (64 << 10), 0),
            Self::MmapSeq => (4096, 4 * MIB / 4096, 0),
            Self::RandomRead => (16 << 10, 50, 0),
            Self::MmapRandom => (4096, 50, 0),
            Self::Stride | Self::StrideBackward => (16 << 10, 50, 512 << 10),
            Self::Backward => (16 << 10, 50, 0),
            Self::Interleaved => (64 << 10, 15 * MIB / (64 << 10), 0),
            Self::MmapBackward => (4096, MIB / 4096, 0),
            Self::RandomBurst => (16 << 10, 80, 0),
            Self::Phases => (64 << 10, 96, 0),
        };
        WorkloadSpec { workload: self, op_bytes, ops, stride_bytes, seed: 1 }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::every().find(|w| w.name() == s).ok_or_else(|| {
            let names = Self::every().map(Self::name).collect::<Vec<_>>().join(", ");
            format!("no workload '{s}': choose one of {names}")
        })
    }
}

/// A workload with its size: the same value gives the same accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkloadSpec {
    /// The pattern.
    pub workload: Workload,
    /// Bytes of each access (for a mapping: 4096, the page that is touched).
    pub op_bytes: u64,
    /// How many accesses.
    pub ops: u64,
    /// Distance between the starts of two accesses, bytes (of the strides).
    pub stride_bytes: u64,
    /// Seed of the random offsets.
    pub seed: u64,
}
