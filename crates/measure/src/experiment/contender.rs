// SPDX-License-Identifier: GPL-2.0-only
//! The contenders: the kernel's default, fixed lengths, policies.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The fixed lengths that every row is measured with, KiB.
pub const FIXED_KB: [u32; 7] = [0, 16, 64, 128, 512, 2048, 8192];

/// The kernel's own `read_ahead_kb`, KiB (`VM_READAHEAD_PAGES` of include/linux/mm.h):
/// the default and this length are the same setting.
pub const DEFAULT_KB: u32 = 128;

/// The key of runs whose data is all cached.
pub const CACHED: &str = "cached";

/// What a work is run under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contender {
    /// The kernel as it comes.
    Kernel,
    /// The kernel with this `read_ahead_kb`.
    Fixed(u32),
    /// A policy.
    Policy(Policy),
}

/// A policy with its tunables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Name and tunables, as on the command line.
    pub label: String,
    /// The tunables that are set.
    pub set: BTreeMap<String, String>,
    /// A digest of its object file: another one is another policy.
    pub digest: String,
    /// What `read_ahead_kb` is set to beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_ahead_kb: Option<u32>,
    /// Its object file on the host; of no interest once it was measured.
    #[serde(skip)]
    pub object: PathBuf,
}

impl Contender {
    /// What its runs are kept under.
    pub fn key(&self) -> String {
        match self {
            Self::Kernel => "kernel".into(),
            Self::Fixed(kb) => format!("fixed {kb}"),
            Self::Policy(policy) => format!("policy {}", policy.label),
        }
    }

    /// What people read.
    pub fn label(&self) -> String {
        match self {
            Self::Kernel => "kernel".into(),
            Self::Fixed(kb) => format!("{kb} KiB"),
            Self::Policy(policy) => policy.label.clone(),
        }
    }

    /// What `read_ahead_kb` is set to under it, if it is.
    pub fn read_ahead_kb(&self) -> Option<u32> {
        match self {
            Self::Kernel => None,
            Self::Fixed(kb) => Some(*kb),
            Self::Policy(policy) => policy.read_ahead_kb,
        }
    }

    /// Whether it is a fixed length.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    /// Whether it is a policy.
    pub fn is_policy(&self) -> bool {
        matches!(self, Self::Policy(_))
    }

    /// Whether both measure the same, wherever an object file lies now.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Policy(one), Self::Policy(two)) => {
                (&one.label, &one.set, &one.digest) == (&two.label, &two.set, &two.digest)
            }
            _ => self == other,
        }
    }
}

/// A digest of a file's bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes))
}
