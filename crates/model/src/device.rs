// SPDX-License-Identifier: GPL-2.0-only
//! The block devices that the guest offers: null_blk with a chosen latency and
//! bandwidth, and what lies on it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A named latency and bandwidth, as users know them from their machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceProfile {
    /// A local flash drive: 0.1 ms, 2 GB/s.
    Nvme,
    /// A network volume: 1 ms, 200 MB/s.
    Cloud,
    /// A spinning disk: 5 ms, 150 MB/s.
    Disk,
}

impl DeviceProfile {
    /// Every profile, fastest first.
    pub const ALL: [Self; 3] = [Self::Nvme, Self::Cloud, Self::Disk];

    /// The name used on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nvme => "nvme",
            Self::Cloud => "cloud",
            Self::Disk => "disk",
        }
    }

    /// Time from the start of a request to its completion, in nanoseconds
    /// (null_blk's `completion_nsec`).
    pub const fn latency_ns(self) -> u64 {
        match self {
            Self::Nvme => 100_000,
            Self::Cloud => 1_000_000,
            Self::Disk => 5_000_000,
        }
    }

    /// Bandwidth in 10^6 bytes a second.
    pub const fn mbps(self) -> u32 {
        match self {
            Self::Nvme => 2000,
            Self::Cloud => 200,
            Self::Disk => 150,
        }
    }
}

impl fmt::Display for DeviceProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DeviceProfile {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == s)
            .ok_or_else(|| format!("no device profile '{s}': choose nvme, cloud or disk"))
    }
}

/// What the data lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fs {
    /// A file on ext4.
    Ext4,
    /// A file on XFS.
    Xfs,
    /// A file on btrfs.
    Btrfs,
    /// A file in the lower layer of an overlay; both layers are on one ext4.
    Overlay,
    /// The block device itself.
    Raw,
}

impl Fs {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Ext4, Self::Xfs, Self::Btrfs, Self::Overlay, Self::Raw];

    /// The name used on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Overlay => "overlay",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for Fs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Fs {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.name() == s).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no file system '{s}': choose one of {names}")
        })
    }
}

/// A device that the guest is to set up, with one data file of `data_bytes`
/// whose content is a function of the offset alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Latency and bandwidth.
    pub profile: DeviceProfile,
    /// What lies on it.
    pub fs: Fs,
    /// Length of the data file (for [`Fs::Raw`]: of the part in use), bytes.
    pub data_bytes: u64,
}
