// SPDX-License-Identifier: GPL-2.0-only
//! Folders and image files of the host, mounted.

use crate::error::Context;
use crate::modules;
use raext_model::{DISKS, Failure, SHARES};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const BLOCK: &str = "/sys/block";

/// Mount a share.
///
/// # Errors
/// When the kernel knows none by that tag.
pub(crate) fn mount_share(tag: &str) -> Result<(), Failure> {
    let place = format!("{SHARES}/{tag}");
    fs::create_dir_all(&place).context(|| format!("make {place}"))?;
    // The host refuses writes; a read-only mount refuses a program at once.
    let flags = MountFlags::RDONLY | MountFlags::NOATIME;
    mount(tag, &place, "virtiofs", flags, None).context(|| format!("mount the share {tag}"))
}

/// Mount a disk, with a new file system if that is wanted.
///
/// # Errors
/// When there is none by that name, or it holds no ext4.
pub(crate) fn mount_disk(name: &str, make: bool, read_only: bool) -> Result<(), Failure> {
    modules::load_for("virtio_blk")?;
    let node = disk(name)?;
    if make {
        let now = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        let output = Command::new("/sbin/mke2fs")
            .args(["-t", "ext4", "-F", "-q", "-m", "0", "-E", now])
            .arg(&node)
            .output()
            .context(|| "run /sbin/mke2fs".into())?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure { what: format!("make a file system on the disk {name}"), why });
        }
    }
    let place = format!("{DISKS}/{name}");
    fs::create_dir_all(&place).context(|| format!("make {place}"))?;
    let flags = if read_only { MountFlags::RDONLY } else { MountFlags::empty() };
    mount(&node, &place, "ext4", flags | MountFlags::NOATIME, None)
        .context(|| format!("mount the disk {name}"))
}

/// Unmount a disk.
///
/// # Errors
/// When it is in use, or not mounted.
pub(crate) fn unmount_disk(name: &str) -> Result<(), Failure> {
    let place = format!("{DISKS}/{name}");
    unmount(&*place, UnmountFlags::empty()).context(|| format!("unmount {place}"))?;
    rustix::fs::sync();
    Ok(())
}

/// The node of the disk with this serial number; both come a moment after the
/// driver.
fn disk(name: &str) -> Result<PathBuf, Failure> {
    for _ in 0..1000 {
        for entry in fs::read_dir(BLOCK).context(|| format!("read {BLOCK}"))?.flatten() {
            let serial = fs::read_to_string(entry.path().join("serial")).unwrap_or_default();
            let node = Path::new("/dev").join(entry.file_name());
            if serial.trim_end() == name && node.exists() {
                return Ok(node);
            }
        }
        sleep(Duration::from_millis(2));
    }
    Err(Failure { what: format!("find the disk {name}"), why: "there is none".into() })
}
