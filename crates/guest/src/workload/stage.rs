// SPDX-License-Identifier: GPL-2.0-only
//! A device with a file system and data, ready for workloads.

use crate::workload::data::fill;
use crate::workload::error::Context as _;
use crate::workload::mounts::Mount;
use crate::workload::nullblk::NullBlk;
use crate::workload::target::Target;
use crate::workload::{StageError, bdi, cached};
use raext_model::{CachedAccess, Device, Fs, Passed, Sample, WorkloadSpec};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Forgets what is written to it: 1 for pages, 2 for dentries and inodes.
pub const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";

/// Portion of the writes that make the data, and of cached passes, bytes.
const PORTION: usize = 1 << 20;

/// A device with its data. Dropped, both are gone.
#[derive(Debug)]
pub struct Stage {
    target: Target,
    fs: Fs,
    // In the order of their end: the mount before the device below it.
    mount: Option<Mount>,
    device: NullBlk,
}

impl Stage {
    /// Make the device, the file system and the data file.
    ///
    /// # Errors
    /// When the kernel or a mkfs program does not play along; nothing is left
    /// behind then.
    pub fn new(device: &Device, progress: &mut dyn FnMut(&str)) -> Result<Self, StageError> {
        let Device { profile, fs, data_bytes } = *device;
        progress(&format!("making a {profile} device with {fs}"));
        let null_blk = NullBlk::new(profile, data_bytes)?;
        let mut mounted = match fs {
            Fs::Raw => None,
            _ => Some(Mount::new(fs, &null_blk.node())?),
        };
        progress(&format!("writing {} MiB of data", data_bytes >> 20));
        let path = match &mut mounted {
            None => {
                write_data(&null_blk.node(), fs, data_bytes, progress)?;
                null_blk.node()
            }
            Some(mount) => {
                write_data(&mount.source().join("data"), fs, data_bytes, progress)?;
                mount.complete()?.join("data")
            }
        };
        let target = Target { path, data_bytes, stat: Some(null_blk.stat()) };
        Ok(Self { target, fs, mount: mounted, device: null_blk })
    }

    /// Run a workload once with a cold cache; `decisions` is the number of
    /// decisions that the policy was asked for so far.
    ///
    /// # Errors
    /// When an access fails or brings wrong data.
    pub fn run(
        &self,
        spec: &WorkloadSpec,
        decisions: &dyn Fn() -> u64,
    ) -> Result<Sample, StageError> {
        drop_caches()?;
        self.target.run(spec, decisions)
    }

    /// Times of `passes` over the file (over its first 64 MiB at most) that need
    /// no I/O.
    ///
    /// # Errors
    /// When an access fails or brings wrong data.
    pub fn cached_passes(
        &self,
        access: CachedAccess,
        passes: u32,
    ) -> Result<Vec<Passed>, StageError> {
        cached::passes(&self.target, access, passes)
    }

    /// Forget all caches, for what is done with [`Stage::target`] next.
    ///
    /// # Errors
    /// When the kernel does not play along.
    pub fn chill(&self) -> Result<(), StageError> {
        drop_caches()
    }

    /// The file system.
    pub fn fs(&self) -> Fs {
        self.fs
    }

    /// The data.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The device's number, `MAJOR:MINOR`.
    ///
    /// # Errors
    /// When that is not to be read.
    pub fn device_number(&self) -> Result<String, StageError> {
        self.device.number()
    }

    /// The number of the data's device, as the kernel keeps it.
    ///
    /// # Errors
    /// When that is not to be read.
    pub fn kernel_dev(&self) -> Result<u32, StageError> {
        self.mount.as_ref().map_or_else(|| self.device.kernel_dev(), Mount::device_number)
    }

    /// The file with the setting of the kernel's readahead.
    ///
    /// # Errors
    /// When it is not to be found.
    pub fn readahead_setting(&self) -> Result<PathBuf, StageError> {
        bdi::setting(self.fs, &self.device.number()?)
    }

    /// A path beside the data file.
    pub(crate) fn beside(&self, name: &str) -> Result<PathBuf, StageError> {
        let path = &self.target.path;
        if self.fs == Fs::Raw {
            return Err(std::io::Error::from(std::io::ErrorKind::NotADirectory))
                .at("making a file on", path);
        }
        Ok(path.with_file_name(name))
    }
}

/// Write everything back and forget every page, dentry and inode.
///
/// # Errors
/// When the kernel does not play along.
pub(crate) fn drop_caches() -> Result<(), StageError> {
    rustix::fs::sync();
    fs::write(DROP_CACHES, "3").at("writing", Path::new(DROP_CACHES))
}

/// Make the file `path` with the data, or fill the device.
///
/// # Errors
/// When the file system or the device refuses it.
pub fn write_data(
    path: &Path,
    fs: Fs,
    data_bytes: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<(), StageError> {
    let mut file =
        OpenOptions::new().write(true).create(fs != Fs::Raw).open(path).at("opening", path)?;
    let mut buffer = vec![0; PORTION];
    for at in (0..data_bytes).step_by(PORTION) {
        let portion = PORTION.min((data_bytes - at) as usize);
        fill(at, &mut buffer[..portion]);
        file.write_all(&buffer[..portion]).at("writing", path)?;
        if at % (64 << 20) == 0 {
            progress(&format!("writing {} MiB of data", data_bytes >> 20));
        }
    }
    file.sync_all().at("writing", path)
}
