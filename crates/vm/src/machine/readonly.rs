// SPDX-License-Identifier: GPL-2.0-only
//! A process that can write to no file system, and sees a tree of mounts in a
//! place of its own: made between `fork()` and `exec()`.
//!
//! A read-only mount in the guest is no protection: its kernel can mount the share
//! anew. And virtiofsd, which could refuse, obeys the guest. So
//! it is the host's kernel that refuses: in a mount namespace of its own, the tree
//! is cloned, made read-only with all that is mounted below, and put to a place
//! that is known; there virtiofsd makes it its root. All else is read-only, too.

use crate::machine::VmError;
use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount_change, move_mount, open_tree,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::{CStr, CString};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The steps, so that the child can say by a number which one failed.
const STEPS: [&str; 6] = [
    "it cannot be started",
    "no namespaces can be made",
    "no user can be mapped",
    "the folder's mounts cannot be copied",
    "the copy cannot be made read-only",
    "the copy cannot be put into its place",
];

/// Where the tree is for the process: a folder that every system has.
pub(super) const PLACE: &CStr = c"/tmp";

/// The data that is prepared before `fork()`: after it, nothing may be allocated.
pub(super) struct ReadOnly {
    path: CString,
    /// The content of `uid_map` and `gid_map`; none as root.
    maps: Option<(String, String)>,
}

impl ReadOnly {
    /// For the tree below `path`.
    ///
    /// # Errors
    /// When the path holds a NUL.
    pub(super) fn new(path: &Path) -> Result<Self, VmError> {
        let unfit = |_| VmError::Unfit { path: path.into(), why: "no path holds a NUL".into() };
        let maps = (!rustix::process::geteuid().is_root()).then(|| {
            let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
            (format!("0 {} 1\n", uid.as_raw()), format!("0 {} 1\n", gid.as_raw()))
        });
        Ok(Self { path: CString::new(path.as_os_str().as_bytes()).map_err(unfit)?, maps })
    }

    /// Give the calling process, which has one thread, the tree at [`PLACE`]. The
    /// error's number names the step, too: see [`ReadOnly::explain`].
    pub(super) fn enter(&self) -> io::Result<()> {
        let step = |step: i32| {
            move |error: Errno| io::Error::from_raw_os_error(error.raw_os_error() | step << 16)
        };
        let mut apart = UnshareFlags::NEWNS | UnshareFlags::NEWNET;
        if self.maps.is_some() {
            apart |= UnshareFlags::NEWUSER;
        }
        // SAFETY: CLONE_FILES is not set, so the table of descriptors stays as it is.
        unsafe { unshare_unsafe(apart) }.map_err(step(1))?;
        if let Some((uids, gids)) = &self.maps {
            write(c"/proc/self/setgroups", b"deny").map_err(step(2))?;
            write(c"/proc/self/uid_map", uids.as_bytes()).map_err(step(2))?;
            write(c"/proc/self/gid_map", gids.as_bytes()).map_err(step(2))?;
            keep_groups().map_err(step(2))?;
        }
        // Mounts of this namespace do not reach the host's own.
        let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        mount_change(c"/", slave).or_else(not_a_mount).map_err(step(1))?;
        let all = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, self.path.as_c_str(), all).map_err(step(3))?;
        make_read_only(tree.as_fd(), c"").map_err(step(4))?;
        let whole = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&tree, c"", CWD, PLACE, whole).map_err(step(5))?;
        make_read_only(CWD, c"/").or_else(not_a_mount).map_err(step(4))?;
        // virtiofsd keeps a descriptor of each file that the guest knows of.
        let limit = getrlimit(Resource::Nofile);
        let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // With fewer the guest gets on, too, until it has seen so many files.
        let _ = setrlimit(Resource::Nofile, most);
        Ok(())
    }

    /// The meaning of an error of [`ReadOnly::enter`].
    pub(super) fn explain(error: &io::Error) -> String {
        let raw = error.raw_os_error().unwrap_or_default();
        let step = STEPS.get((raw >> 16) as usize).copied().unwrap_or("it failed");
        format!("{step}: {}", io::Error::from_raw_os_error(raw & 0xffff))
    }
}

/// In a chroot, `/` need be no mount; then there is nothing to cut off either.
fn not_a_mount(error: Errno) -> Result<(), Errno> {
    if error == Errno::INVAL { Ok(()) } else { Err(error) }
}

fn write(path: &CStr, content: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, content).map(drop)
}

/// From now on, `setgroups()` says that it was done and does nothing. virtiofsd
/// gives its further groups away, which an ordinary user's namespace does not let
/// it do, and ends then. They are the user's own: it may keep them.
fn keep_groups() -> Result<(), Errno> {
    const DONE: u32 = libc::SECCOMP_RET_ERRNO;
    let op = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        // The number of the call, the first word of what is looked at.
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_setgroups as u32),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, DONE),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the program and its instructions outlive the call, which copies them.
    let result =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    last_error(result.into())
}

/// `mount_setattr(2)`, for a tree and all that is mounted in it.
fn make_read_only(from: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path and the structure, whose size is given, outlive the call,
    // which writes to neither.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            from.as_raw_fd(),
            path.as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    last_error(result)
}

/// The outcome of a call of the C library's.
fn last_error(result: i64) -> Result<(), Errno> {
    if result == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_step() {
        let error = io::Error::from_raw_os_error(libc::EPERM | 4 << 16);
        let why = ReadOnly::explain(&error);
        assert!(why.starts_with("the copy cannot be made read-only: Operation not per"), "{why}");
    }
}
