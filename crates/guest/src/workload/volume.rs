// SPDX-License-Identifier: GPL-2.0-only
//! A device with a file system for programs, seen in their root.

use crate::workload::copy::Copy;
use crate::workload::error::Context as _;
use crate::workload::mounts::Mount;
use crate::workload::nullblk::NullBlk;
use crate::workload::root::Bound;
use crate::workload::stage::drop_caches;
use crate::workload::target::DeviceReads;
use crate::workload::{StageError, bdi};
use raext_model::{Caches, Volume as Spec, VolumeMade};
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of a volume, where the programs' root has them, and the device.
/// Dropped, all are gone.
#[derive(Debug)]
pub(crate) struct Volume {
    // In the order of their end: what is seen of the mount, the mount, the device.
    /// One for each folder, but while it is mounted anew.
    bound: Vec<Option<Bound>>,
    root: PathBuf,
    /// Where programs find each folder, and the folder's name on the volume.
    folders: Vec<(String, String)>,
    mount: Mount,
    device: NullBlk,
}

impl Volume {
    /// Make the device and the file system, and fill it.
    ///
    /// # Errors
    /// When the kernel or a mkfs program does not play along, or the data does not
    /// fit; nothing is left behind then.
    pub(crate) fn new(
        spec: &Spec,
        root: &Path,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(Self, VolumeMade), StageError> {
        progress(&format!("making a {} device with {}", spec.profile, spec.fs));
        let device = NullBlk::new(spec.profile, spec.bytes)?;
        let mut mount = Mount::new(spec.fs, &device.node())?;
        let mut copy = Copy::new(progress);
        let mut folders = Vec::new();
        for (number, folder) in spec.folders.iter().enumerate() {
            let name = number.to_string();
            let place = mount.source().join(&name);
            match &folder.from {
                Some(from) => copy.copy(Path::new(from), &place)?,
                None => fs::create_dir(&place).at("making", &place)?,
            }
            folders.push((folder.at.clone(), name));
        }
        let copied = copy.bytes();
        let top = mount.complete()?;
        let space = rustix::fs::statvfs(mount.source()).at("looking at", &top)?;
        let made = VolumeMade {
            dev: mount.device_number()?,
            copied,
            free: space.f_bavail * space.f_frsize,
        };
        let mut volume = Self { bound: Vec::new(), root: root.to_owned(), folders, mount, device };
        volume.bind()?;
        rustix::fs::sync();
        Ok((volume, made))
    }

    /// Drop caches, after all was written back.
    ///
    /// # Errors
    /// When the kernel does not play along, or a program uses the volume that is
    /// to be mounted anew.
    pub(crate) fn chill(&mut self, caches: Caches) -> Result<(), StageError> {
        match caches {
            Caches::All => drop_caches(),
            Caches::Volume => {
                let anew = self.release().and_then(|()| self.mount.remount());
                // Also if it was in use: it is there as before.
                self.bind()?;
                anew
            }
        }
    }

    /// The number of its files' device, as the kernel keeps it.
    ///
    /// # Errors
    /// When that is not to be read.
    pub(crate) fn kernel_dev(&self) -> Result<u32, StageError> {
        self.mount.device_number()
    }

    /// The file with the setting of the kernel's readahead; another one when the
    /// volume was mounted anew.
    ///
    /// # Errors
    /// When it is not to be found.
    pub(crate) fn readahead_setting(&self) -> Result<PathBuf, StageError> {
        bdi::setting(self.mount.fs(), &self.device.number()?)
    }

    /// What the device has read so far, once it is idle.
    ///
    /// # Errors
    /// When it does not come to rest.
    pub(crate) fn device_reads(&self) -> Result<DeviceReads, StageError> {
        DeviceReads::of(&self.device.stat())
    }

    /// Show no folder any more, up to one that is in use.
    fn release(&mut self) -> Result<(), StageError> {
        for bound in &mut self.bound {
            if let Some(shown) = bound {
                shown.release()?;
                *bound = None;
            }
        }
        Ok(())
    }

    /// Show the folders that are not shown.
    fn bind(&mut self) -> Result<(), StageError> {
        let top = self.mount.top();
        self.bound.resize_with(self.folders.len(), || None);
        for (bound, (at, name)) in self.bound.iter_mut().zip(&self.folders) {
            if bound.is_none() {
                *bound = Some(Bound::new(&top.join(name), &self.root, at)?);
            }
        }
        Ok(())
    }
}
