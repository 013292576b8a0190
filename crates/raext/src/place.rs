// SPDX-License-Identifier: GPL-2.0-only
//! From the name of a scope (a cgroup's folder, a container's id, a mount
//! point, a block device) to the numbers that the kernel compares.

use crate::exit::Result;
use procfs::process::{MountInfo, Process};
use raext_model::{Error, IoExt as _, kernel_dev};
use rustix::fs::{FileType, Stat, major, minor, stat, statfs};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where cgroup v2 is mounted; beside cgroup v1, in the second place.
const CGROUP_ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const CGROUP2_MAGIC: u64 = 0x6367_7270;
/// Container runtimes name a container's cgroup after the id, which people
/// shorten to this many digits.
const SHORTEST_ID: usize = 12;

/// The id of a cgroup that was given as a folder, below the root of cgroup v2 or
/// as a path, or as a container's id.
///
/// # Errors
/// When there is none, or it is no cgroup of version 2.
pub(crate) fn cgroup_id(name: &str) -> Result<u64> {
    let dir = cgroup_dir(name)?;
    let magic = statfs(&dir).given("--cgroup", &dir)?.f_type as u64;
    if magic != CGROUP2_MAGIC {
        return Err(Error::refused(format!(
            "{}: no cgroup of version 2: give a folder below {}",
            dir.display(),
            CGROUP_ROOTS.join(" or ")
        )));
    }
    let found = stat(&dir).given("--cgroup", &dir)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Err(Error::refused(format!("{}: a cgroup is a folder", dir.display())));
    }
    // The id of a cgroup is the inode number of its folder.
    Ok(found.st_ino)
}

fn cgroup_dir(name: &str) -> Result<PathBuf> {
    if Path::new(name).is_absolute() && Path::new(name).exists() {
        return Ok(name.into());
    }
    let below = |root: &&str| Path::new(root).join(name.trim_start_matches('/'));
    if let Some(dir) = CGROUP_ROOTS.iter().map(below).find(|dir| dir.is_dir()) {
        return Ok(dir);
    }
    let is_id = name.len() >= SHORTEST_ID && name.chars().all(|c| c.is_ascii_hexdigit());
    let found = if is_id { find_cgroup(&|dir| names(dir, name)) } else { Vec::new() };
    match &found[..] {
        [dir] => Ok(dir.clone()),
        [] => Err(Error::refused(format!(
            "--cgroup {name}: no such folder, no cgroup below {} and no running container with \
             that id",
            CGROUP_ROOTS[0]
        ))),
        [first, second, ..] => Err(Error::refused(format!(
            "--cgroup {name}: the id fits several, {} and {}: give the folder",
            first.display(),
            second.display()
        ))),
    }
}

/// Whether a cgroup's folder is named after a container's id, as Docker, Podman,
/// containerd and CRI-O do it.
fn names(dir: &Path, id: &str) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".scope").unwrap_or(&name);
    name.rsplit('-').next().is_some_and(|last| last.starts_with(id))
}

/// Every cgroup that fits; below one that does, none is looked for.
fn find_cgroup(fits: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut left: Vec<PathBuf> = CGROUP_ROOTS.iter().map(PathBuf::from).collect();
    let mut found = Vec::new();
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if fits(&entry.path()) {
                found.push(entry.path());
            } else {
                left.push(entry.path());
            }
        }
    }
    found.sort();
    // The second root lies below the first.
    found.dedup();
    found
}

/// The folder of a cgroup, if it is still there.
pub(crate) fn cgroup_path(id: u64) -> Option<PathBuf> {
    let is_it = |dir: &Path| stat(dir).is_ok_and(|found| found.st_ino == id);
    CGROUP_ROOTS
        .iter()
        .map(PathBuf::from)
        .filter(|root| statfs(root).is_ok_and(|fs| fs.f_type as u64 == CGROUP2_MAGIC))
        .find_map(|root| if is_it(&root) { Some(root) } else { find_cgroup(&is_it).pop() })
}

/// The number of a device that was given as a block device, as a mount point (or
/// anything below one), or as MAJOR:MINOR.
///
/// # Errors
/// When there is none, or its files lie on several.
pub(crate) fn device(name: &str) -> Result<u32> {
    if let Some((major, minor)) = name.split_once(':')
        && let (Ok(major), Ok(minor)) = (major.parse(), minor.parse())
    {
        return Ok(kernel_dev(major, minor));
    }
    let path = fs::canonicalize(name).given("--device", Path::new(name))?;
    let found = stat(&path).given("--device", Path::new(name))?;
    let mounts = Process::myself()
        .and_then(|me| me.mountinfo())
        .map_err(|error| Error::environment("reading /proc/self/mountinfo").because(error))?;
    let mounts: Vec<_> = mounts.into_iter().collect();
    match FileType::from_raw_mode(found.st_mode) {
        FileType::BlockDevice => Ok(block_device(&path, &found, &mounts)),
        FileType::CharacterDevice => {
            Err(Error::refused(format!("--device {name}: a character device has no page cache")))
        }
        _ => mounted(&path, &mounts, name),
    }
}

/// A file system may have a number of its own (btrfs has): then that is what its
/// files have.
fn block_device(path: &Path, found: &Stat, mounts: &[MountInfo]) -> u32 {
    let of_mount = mounts
        .iter()
        .filter(|mount| mount.mount_source.as_deref().is_some_and(|s| Path::new(s) == path))
        .find_map(|mount| parse(&mount.majmin));
    of_mount.unwrap_or_else(|| kernel_dev(major(found.st_rdev), minor(found.st_rdev)))
}

fn parse(majmin: &str) -> Option<u32> {
    let (major, minor) = majmin.split_once(':')?;
    Some(kernel_dev(major.parse().ok()?, minor.parse().ok()?))
}

/// The device number of the files below `path`, as the kernel has it: that of the mounted file
/// system (stat shows another one for a btrfs subvolume); for an overlay, that of
/// its layers.
fn mounted(path: &Path, mounts: &[MountInfo], name: &str) -> Result<u32> {
    let mut numbers = BTreeSet::new();
    collect(path, mounts, &mut numbers, 0);
    match numbers.iter().collect::<Vec<_>>()[..] {
        [only] => Ok(*only),
        [] => Err(Error::refused(format!("--device {name}: no file system is mounted there"))),
        [..] => {
            let all: Vec<_> =
                numbers.iter().map(|dev| show_dev(dev >> 20, dev & 0xf_ffff)).collect();
            Err(Error::refused(format!(
                "--device {name}: an overlay with its layers on several file systems: attach to \
                 each of {}",
                all.join(", ")
            )))
        }
    }
}

fn collect(path: &Path, mounts: &[MountInfo], numbers: &mut BTreeSet<u32>, depth: u32) {
    // The last mount of several at one place is the one on top.
    let covering = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.mount_point))
        .max_by_key(|mount| mount.mount_point.components().count());
    let Some(mount) = covering else { return };
    if mount.fs_type != "overlay" || depth > 4 {
        numbers.extend(parse(&mount.majmin));
        return;
    }
    for option in ["lowerdir", "upperdir"] {
        let layers = mount.super_options.get(option).cloned().flatten().unwrap_or_default();
        for layer in layers.split(':').filter(|layer| layer.starts_with('/')) {
            collect(Path::new(layer), mounts, numbers, depth + 1);
        }
    }
}

/// A device's number and, where it has one, its name.
pub(crate) fn show_dev(major: u32, minor: u32) -> String {
    let number = format!("{major}:{minor}");
    let link = fs::read_link(format!("/sys/dev/block/{number}")).ok();
    match link.as_deref().and_then(Path::file_name) {
        Some(name) => format!("{number} ({})", name.to_string_lossy()),
        None => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(text: &str) -> Vec<MountInfo> {
        use procfs::FromBufRead as _;
        let parsed = procfs::process::MountInfos::from_buf_read(text.as_bytes()).unwrap();
        parsed.into_iter().collect()
    }

    const TABLE: &str = "\
        1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
        2 1 0:40 /home /home rw - btrfs /dev/sdb rw\n\
        3 1 0:50 / /merged rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c\n\
        4 1 0:51 / /mixed rw - overlay overlay rw,lowerdir=/a,upperdir=/home/up\n";

    fn number(path: &str) -> Result<u32> {
        mounted(Path::new(path), &mounts(TABLE), path)
    }

    #[test]
    fn a_mount_point_is_what_the_kernel_sees_of_it() {
        assert_eq!(number("/etc").unwrap(), kernel_dev(8, 1));
        assert_eq!(number("/home/me").unwrap(), kernel_dev(0, 40));
        assert_eq!(number("/merged/x").unwrap(), kernel_dev(8, 1), "an overlay is its layers");
        let error = number("/mixed").unwrap_err().to_string();
        assert!(error.contains("0:40") && error.contains("8:1"), "{error}");
    }

    #[test]
    fn devices_can_be_given_by_their_numbers() {
        assert_eq!(device("8:17").unwrap(), kernel_dev(8, 17));
        assert!(format!("{:#}", device("/no/such").unwrap_err()).contains("/no/such"));
        assert!(device("/dev/null").unwrap_err().to_string().contains("character device"));
    }

    #[test]
    fn containers_are_known_by_their_ids() {
        let id = "0123456789abcdef0123";
        for dir in [
            "docker-0123456789abcdef0123.scope",
            "0123456789abcdef0123",
            "cri-containerd-0123456789abcdef0123.scope",
        ] {
            assert!(names(Path::new(dir), id) && names(Path::new(dir), &id[..12]), "{dir}");
        }
        assert!(!names(Path::new("user-1000.slice"), "100000000000"));
        assert!(cgroup_id("no-such-cgroup").unwrap_err().to_string().contains("no-such-cgroup"));
    }
}
