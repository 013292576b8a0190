// SPDX-License-Identifier: GPL-2.0-only
//! The device of a stress, and the system around it.

use crate::agent::stress::{Files, System};
use raext_guest::parts::{
    DROP_CACHES, MOUNT_POINT, Mount, NullBlk, Places, StageContext as _, StageError, node,
};
use raext_model::{DeviceProfile, Fs};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A device with a file system and the files of a stress on it. Dropped, all are
/// gone.
#[derive(Debug)]
pub(crate) struct Ground {
    // In the order of their end.
    _mount: Mount,
    _device: NullBlk,
}

impl Ground {
    /// Make them.
    ///
    /// # Errors
    /// When the kernel or a mkfs program does not play along.
    pub(crate) fn new(fs: Fs, seed: u64) -> Result<Self, StageError> {
        // Room for what is written anew by file systems that copy on write.
        let device = NullBlk::new(DeviceProfile::Nvme, 8 * Files::bytes())?;
        let mut mount = Mount::new(fs, &device.node())?;
        Files::of(&mount.source(), seed).write()?;
        mount.complete()?;
        Ok(Self { _mount: mount, _device: device })
    }
}

/// The guest, in which a [`Ground`] was made, if by another process.
#[derive(Debug)]
pub(crate) struct Guest(Places);

impl Guest {
    /// The guest with a ground of this kind.
    pub(crate) fn new(fs: Fs) -> Self {
        Self(Places::new(fs, &node()))
    }

    /// The files of the ground.
    pub(crate) fn files(seed: u64) -> Files {
        Files::of(Path::new(MOUNT_POINT), seed)
    }
}

impl System for Guest {
    fn drop_caches(&self, what: u64) -> Result<(), StageError> {
        let path = Path::new(DROP_CACHES);
        fs::write(path, what.to_string()).at("writing", path)
    }

    fn remount(&self) -> Result<(), StageError> {
        self.0.remount()
    }

    fn remount_within(&self) -> Duration {
        // Longer than it takes to fill the cgroup's memory.
        Duration::from_secs(8)
    }
}
