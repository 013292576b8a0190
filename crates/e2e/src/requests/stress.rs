// SPDX-License-Identifier: GPL-2.0-only
//! Everything at once: the request, and the outcome.

use raext_model::Fs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How to strain the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StressSpec {
    /// Where the files are; not [`Fs::Raw`].
    pub fs: Fs,
    /// How long at least. It goes on until each policy was attached and asked,
    /// the module was removed, and memory ran short.
    pub seconds: u32,
    /// Seed of contents, offsets, sizes and orders.
    pub seed: u64,
    /// Object files of policies, attached in turns; at least one.
    pub policies: Vec<String>,
    /// `memory.max` of the cgroup in which the files are used, MiB; less than
    /// their 64 MiB, so that memory runs short.
    pub memory_mib: u32,
}

/// What was done and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StressReport {
    /// Operations by kind, such as `read-random` or `madvise-pageout`.
    pub ops: BTreeMap<String, u64>,
    /// Bytes that were compared with what belongs there.
    pub bytes_checked: u64,
    /// Words of 8 bytes that were something else.
    pub wrong_words: u64,
    /// The first places where they were found.
    pub mismatches: Vec<Mismatch>,
    /// How often a policy was attached for all, another one for the cgroup, and
    /// both were detached.
    pub attach_cycles: u64,
    /// How often one was put into the place of another.
    pub swaps: u64,
    /// How often the module went away while a policy was to be attached.
    pub attach_raced: u64,
    /// How often the module was removed and loaded.
    pub module_cycles: u64,
    /// Decisions that policies were asked for.
    pub decisions: u64,
    /// How often the cgroup was at its limit (`max` of `memory.events`).
    pub limit_hits: u64,
}

/// Wrong data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The file.
    pub file: String,
    /// The kind of operation that found it.
    pub operation: String,
    /// Where the first wrong word is, bytes.
    pub offset: u64,
    /// The word there.
    pub found: u64,
    /// A word that belongs there (one of several where the file changes).
    pub expected: u64,
    /// How many words of this operation were wrong.
    pub words: u64,
}
