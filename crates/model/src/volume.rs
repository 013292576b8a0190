// SPDX-License-Identifier: GPL-2.0-only
//! Folders for programs: their root, and the volume whose device is measured.

use crate::{DeviceProfile, Fs};
use serde::{Deserialize, Serialize};

/// Where the guest has the folders of the host, each below it by its tag.
pub const SHARES: &str = "/shares";
/// Where the guest has its disks, each below it by its name.
pub const DISKS: &str = "/disks";

/// A file system on a device of its own for programs, instead of the data file
/// that workloads use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Latency and bandwidth.
    pub profile: DeviceProfile,
    /// What lies on it; not [`Fs::Raw`].
    pub fs: Fs,
    /// Room on the device for data, bytes. All of it that is used lies in the
    /// guest's memory.
    pub bytes: u64,
    /// What programs find on it.
    pub folders: Vec<Folder>,
}

/// A folder of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Where programs find it: an absolute path in their root.
    pub at: String,
    /// What it is filled with: the path in the guest of a folder (or a file), such
    /// as one below [`SHARES`]; with nothing if absent.
    pub from: Option<String>,
}

/// A volume that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMade {
    /// The number of its files' device, as [`crate::Placement::dev`] wants it.
    pub dev: u32,
    /// Bytes that were copied onto it.
    pub copied: u64,
    /// Bytes that are left on it.
    pub free: u64,
}

/// Which caches to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caches {
    /// All of the guest's, so that programs are read anew from the host, too.
    All,
    /// Those of the volume, by mounting it anew: no program may use it.
    Volume,
}
