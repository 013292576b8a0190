// SPDX-License-Identifier: GPL-2.0-only
//! The root of programs: an overlay over read-only folders, and the mounts in it.

use crate::workload::StageError;
use crate::workload::error::Context as _;
use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, open, openat, openat2};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind_recursive, unmount};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::ffi::{CStr, CString};
use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Where the root is, and the memory that holds what is written to it.
const ROOT: &str = "/run/raext/root";
const WRITTEN: &str = "/run/raext/written";

/// What a Linux system has mounted: file system, where, options.
const MOUNTS: [(&str, &str, Option<&CStr>); 6] = [
    ("proc", "/proc", None),
    ("sysfs", "/sys", None),
    ("cgroup2", "/sys/fs/cgroup", None),
    ("devtmpfs", "/dev", None),
    ("devpts", "/dev/pts", Some(c"mode=0620,ptmxmode=0666")),
    ("tmpfs", "/dev/shm", Some(c"mode=1777")),
];

/// The overlay. Dropped, it is gone with all that was written to it.
#[derive(Debug)]
pub(crate) struct Root {
    // The last one first: what is mounted in it, it, what it writes to.
    mounts: Vec<Mounted>,
}

impl Root {
    /// Make it from folders, the topmost first. `as_user`: on the host, an ordinary
    /// user reads them.
    ///
    /// # Errors
    /// When the kernel does not play along (it needs the module `overlay`).
    pub(crate) fn new(layers: &[String], as_user: bool) -> Result<Self, StageError> {
        let mut root = Self { mounts: Vec::new() };
        fs::create_dir_all(WRITTEN).at("making", Path::new(WRITTEN))?;
        root.mount("tmpfs", Path::new(WRITTEN), MountFlags::empty(), Some(c"mode=0755"))?;
        for name in ["upper", "work"] {
            let dir = Path::new(WRITTEN).join(name);
            fs::create_dir_all(&dir).at("making", &dir)?;
        }
        fs::create_dir_all(ROOT).at("making", Path::new(ROOT))?;
        let lower: Vec<_> = layers.iter().map(|layer| escaped(layer)).collect();
        let lower = lower.join(":");
        let options = format!("lowerdir={lower},upperdir={WRITTEN}/upper,workdir={WRITTEN}/work");
        let options =
            CString::new(options).map_err(|_| Errno::INVAL).at("mounting", Path::new(ROOT))?;
        // Where others' files are nobody's, a set-user-ID program would be nobody's, too.
        let flags = if as_user { MountFlags::NOSUID } else { MountFlags::empty() };
        let mut overlay = || root.mount("overlay", Path::new(ROOT), flags, Some(&options));
        if as_user {
            without_fowner(overlay)??
        } else {
            overlay()?
        }
        for (kind, at, options) in MOUNTS {
            let place = place_in(Path::new(ROOT), at, true)?;
            root.mount(kind, &path_of(&place), MountFlags::empty(), options)?;
        }
        Ok(root)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &'static Path {
        Path::new(ROOT)
    }

    fn mount(
        &mut self,
        kind: &str,
        place: &Path,
        flags: MountFlags,
        options: Option<&CStr>,
    ) -> Result<(), StageError> {
        let real = fs::canonicalize(place).at("finding", place)?;
        mount(kind, place, kind, flags, options).at("mounting", &real)?;
        self.mounts.insert(0, Mounted(real));
        Ok(())
    }
}

/// Do something without the right to treat files as one's own.
///
/// An overlay has the rights of who mounts it. With this one it opens all files
/// with `O_NOATIME`, of which the share tells the host, where an ordinary user may
/// do so with files of their own alone.
fn without_fowner<T>(what: impl FnOnce() -> T) -> Result<T, StageError> {
    let own = Path::new("/proc/self/status");
    let all = capabilities(None).at("reading", own)?;
    let mut fewer = all;
    fewer.effective.remove(CapabilitySet::FOWNER);
    set_capabilities(None, fewer).at("changing", own)?;
    let done = what();
    set_capabilities(None, all).at("changing", own)?;
    Ok(done)
}

/// A colon, a comma and a backslash mean something in an overlay's options.
fn escaped(layer: &str) -> String {
    layer.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
}

/// A folder (or a file) of the guest, seen in a root. Dropped, it is not.
#[derive(Debug)]
pub(crate) struct Bound(Mounted);

impl Bound {
    /// Show `from` at the path `at` of the root, which is made if need be.
    ///
    /// # Errors
    /// When the kernel does not play along.
    pub(crate) fn new(from: &Path, root: &Path, at: &str) -> Result<Self, StageError> {
        let folder = fs::metadata(from).at("looking at", from)?.is_dir();
        let place = place_in(root, at, folder)?;
        let real = fs::read_link(path_of(&place)).at("finding", Path::new(at))?;
        mount_bind_recursive(from, path_of(&place)).at("mounting at", &real)?;
        Ok(Self(Mounted(real)))
    }

    /// Unmount it, if it is not in use.
    ///
    /// # Errors
    /// When it is in use: it stays mounted.
    pub(crate) fn release(&self) -> Result<(), StageError> {
        unmount(&self.0.0, UnmountFlags::empty()).at("unmounting", &self.0.0)
    }
}

/// Something at this place, to be unmounted.
#[derive(Debug)]
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        if unmount(&self.0, UnmountFlags::empty()).is_err() {
            let _ = unmount(&self.0, UnmountFlags::DETACH);
        }
    }
}

fn path_of(place: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()))
}

/// The folder (or the file) at a path of a root, made if need be. Links on the way
/// are those of the root: an absolute one begins there, and none leads out.
fn place_in(root: &Path, at: &str, folder: bool) -> Result<OwnedFd, StageError> {
    let shown = root.join(at.trim_start_matches('/'));
    let root = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .at("opening", root)?;
    let look = |path: &Path| {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)
    };
    let names: Vec<_> = Path::new(at)
        .components()
        .filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None })
        .collect();
    let mut here = look(Path::new(".")).at("opening", &shown)?;
    let mut path = PathBuf::new();
    for (number, name) in names.iter().enumerate() {
        path.push(name);
        here = match look(&path) {
            Err(Errno::NOENT) if folder || number + 1 < names.len() => {
                mkdirat(&here, *name, Mode::from_raw_mode(0o755)).at("making", &shown)?;
                look(&path).at("opening", &shown)?
            }
            Err(Errno::NOENT) => {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
                drop(openat(&here, *name, flags, Mode::from_raw_mode(0o644)).at("making", &shown)?);
                look(&path).at("opening", &shown)?
            }
            found => found.at("opening", &shown)?,
        };
    }
    Ok(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_do_not_lead_out_of_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("run")).unwrap();
        fs::create_dir(root.join("var")).unwrap();
        symlink("/run", root.join("var/run")).unwrap();
        symlink("../../../..", root.join("up")).unwrap();
        let place = place_in(&root, "/var/run/db/data", true).unwrap();
        assert_eq!(fs::read_link(path_of(&place)).unwrap(), root.join("run/db/data"));
        let place = place_in(&root, "/up/file", false).unwrap();
        assert_eq!(fs::read_link(path_of(&place)).unwrap(), root.join("file"));
        assert!(root.join("file").is_file());
        assert!(place_in(&root, "/file/below", true).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_an_overlay_s_options_mean_is_escaped() {
        assert_eq!(escaped("/shares/a:b,c"), "/shares/a\\:b\\,c");
    }
}
