// SPDX-License-Identifier: GPL-2.0-only
//! File systems: made on a device, mounted, and mounted again.
//!
//! An overlay takes two steps: the files of its lower layer are written before
//! the mount. A change of a mounted layer has no defined result.

use crate::workload::StageError;
use crate::workload::error::Context as _;
use raext_model::{Fs, kernel_dev};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where workloads find their files.
pub const MOUNT_POINT: &str = "/mnt/raext";
/// Where the layers of an overlay are.
const BELOW: &str = "/mnt/raext-below";
const LAYERS: [&str; 3] = ["lower", "upper", "work"];
const OVERLAY: &CStr =
    c"lowerdir=/mnt/raext-below/lower,upperdir=/mnt/raext-below/upper,workdir=/mnt/raext-below/work";

/// A mounted file system. Dropped, it is unmounted.
#[derive(Debug)]
pub struct Mount(Places);

/// What is mounted where.
#[derive(Debug, Clone)]
pub struct Places {
    fs: Fs,
    node: PathBuf,
}

impl Mount {
    /// Make the file system on the device `node` and mount it; an overlay is
    /// there only after [`Mount::complete`].
    pub fn new(fs: Fs, node: &Path) -> Result<Self, StageError> {
        make_fs(fs, node)?;
        let new = Self(Places::new(fs, node));
        new.0.mount_device()?;
        if fs == Fs::Overlay {
            for layer in LAYERS {
                let layer = Path::new(BELOW).join(layer);
                fs::create_dir(&layer).at("making", &layer)?;
            }
        }
        Ok(new)
    }

    /// The folder to put files into before [`Mount::complete`].
    pub fn source(&self) -> PathBuf {
        match self.0.fs {
            Fs::Overlay => Path::new(BELOW).join(LAYERS[0]),
            _ => PathBuf::from(MOUNT_POINT),
        }
    }

    /// The folder in which programs find the files, after [`Mount::complete`].
    pub fn top(&self) -> PathBuf {
        PathBuf::from(MOUNT_POINT)
    }

    /// What is mounted.
    pub fn fs(&self) -> Fs {
        self.0.fs
    }

    /// The number of the device of the files, as the kernel keeps it. That is the
    /// file system's own, which btrfs does not tell of a file.
    pub fn device_number(&self) -> Result<u32, StageError> {
        const MOUNTS: &str = "/proc/self/mountinfo";
        let points = self.0.points();
        // Of an overlay, files are read from what is below.
        let point = points[points.len() - 1];
        let text = fs::read_to_string(MOUNTS).at("reading", Path::new(MOUNTS))?;
        let number = text.lines().rev().find_map(|line| {
            let mut fields = line.split(' ');
            let (major, minor) = fields.nth(2)?.split_once(':')?;
            let here = fields.nth(1) == Some(point);
            here.then_some(kernel_dev(major.parse().ok()?, minor.parse().ok()?))
        });
        let none = || std::io::Error::other(format!("it does not have {point}"));
        number.ok_or_else(none).at("reading", Path::new(MOUNTS))
    }

    /// Unmount, and mount again.
    ///
    /// If it is in use, it stays as it is, and that is an error.
    pub fn remount(&self) -> Result<(), StageError> {
        self.0.remount()
    }

    /// All files are written: mount what is still to be mounted.
    ///
    /// Returns the folder in which workloads find the files.
    pub fn complete(&mut self) -> Result<PathBuf, StageError> {
        self.0.mount_overlay()?;
        Ok(PathBuf::from(MOUNT_POINT))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        for point in self.0.points() {
            // A reader that was left behind must not keep the next device away.
            if unmount(*point, UnmountFlags::empty()).is_err() {
                let _ = unmount(*point, UnmountFlags::DETACH);
            }
        }
    }
}

impl Places {
    /// Where the file system on the device `node` is mounted.
    pub fn new(fs: Fs, node: &Path) -> Self {
        Self { fs, node: node.to_owned() }
    }

    /// Unmount, and mount again.
    pub fn remount(&self) -> Result<(), StageError> {
        for point in self.points() {
            unmount(*point, UnmountFlags::empty()).at("unmounting", Path::new(point))?;
        }
        self.mount_device()?;
        self.mount_overlay()
    }

    /// In the order in which they are unmounted.
    fn points(&self) -> &'static [&'static str] {
        match self.fs {
            Fs::Overlay => &[MOUNT_POINT, BELOW],
            _ => &[MOUNT_POINT],
        }
    }

    fn mount_device(&self) -> Result<(), StageError> {
        let (point, fs) = match self.fs {
            Fs::Overlay => (BELOW, Fs::Ext4),
            fs => (MOUNT_POINT, fs),
        };
        fs::create_dir_all(point).at("making", Path::new(point))?;
        mount(&self.node, point, fs.name(), MountFlags::NOATIME, None).at("mounting", &self.node)
    }

    fn mount_overlay(&self) -> Result<(), StageError> {
        if self.fs != Fs::Overlay {
            return Ok(());
        }
        let point = Path::new(MOUNT_POINT);
        fs::create_dir_all(point).at("making", point)?;
        mount("overlay", point, "overlay", MountFlags::NOATIME, OVERLAY).at("mounting", point)
    }
}

fn make_fs(fs: Fs, node: &Path) -> Result<(), StageError> {
    let (program, arguments): (_, &[&str]) = match fs {
        // Everything written now: no background thread reads or writes later.
        Fs::Ext4 | Fs::Overlay => {
            // The same seed, so that folders are read in the same order each time.
            let now = "lazy_itable_init=0,lazy_journal_init=0,nodiscard,\
                hash_seed=0b6a9a6e-5b0e-4a63-9a0b-8f1f6e9f7c11";
            ("/sbin/mke2fs", &["-t", "ext4", "-F", "-q", "-E", now])
        }
        Fs::Btrfs => ("/sbin/mkfs.btrfs", &["-f", "-q", "-K", "-m", "single"]),
        Fs::Xfs | Fs::Raw => ("/sbin/mkfs.xfs", &["-f", "-q", "-K"]),
    };
    let output = Command::new(program)
        .args(arguments)
        .arg(node)
        .output()
        .at("running", Path::new(program))?;
    if output.status.success() {
        return Ok(());
    }
    Err(StageError::Mkfs {
        program,
        status: output.status.to_string(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
