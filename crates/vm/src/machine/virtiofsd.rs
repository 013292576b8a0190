// SPDX-License-Identifier: GPL-2.0-only
//! virtiofsd: the process that shows a folder of the host to the guest.
//!
//! It ends when its socket does, whose other end QEMU alone holds: so it does not
//! outlive the machine, however that ends.

use crate::machine::readonly::{PLACE, ReadOnly};
use crate::machine::{Share, VmError, programs};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Where it is, if not in `PATH`: as a package of its own, and as part of QEMU.
const PLACES: [&str; 3] =
    ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/libexec/qemu/virtiofsd"];
/// Longest tag that the device has room for, less its end.
const TAG_LEN: usize = 35;
/// How long it may take to end after QEMU.
const END: Duration = Duration::from_millis(500);

/// A running virtiofsd. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Virtiofsd {
    child: Child,
    complaints: File,
    /// QEMU's end of the socket, until QEMU has it.
    socket: Option<UnixStream>,
    tag: String,
}

impl Virtiofsd {
    /// Start one that shows a folder read-only.
    ///
    /// # Errors
    /// When there is none, the folder is no folder, or this user may not.
    pub(super) fn start(share: &Share) -> Result<Self, VmError> {
        let unfit = |why: String| VmError::Unfit { path: share.path.clone(), why };
        let folder = share.path.metadata().map_err(|error| unfit(error.to_string()))?;
        if !folder.is_dir() {
            return Err(unfit("only a folder can be shown to the microVM".into()));
        }
        if share.tag.is_empty() || share.tag.len() > TAG_LEN || share.tag.contains(',') {
            return Err(unfit(format!("no tag for a share: '{}'", share.tag)));
        }
        let path = find().ok_or(VmError::NoVirtiofsd)?;
        let spawn_error = |source| VmError::Spawn { program: path.clone(), source };
        let (listener, socket) = connected().map_err(spawn_error)?;
        let complaints = memfd_create("virtiofsd-stderr", MemfdFlags::CLOEXEC);
        let complaints = File::from(complaints.map_err(|error| spawn_error(error.into()))?);
        let view = ReadOnly::new(&share.path)?;
        let mut command = Command::new(&path);
        command
            .args(arguments(&path, listener.as_raw_fd()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(complaints.try_clone().map_err(spawn_error)?);
        let fd = listener.as_raw_fd();
        // SAFETY: system calls alone, on memory that is there already; the
        // descriptor is open until the child was started.
        unsafe {
            command.pre_exec(move || {
                view.enter()?;
                Ok(fcntl_setfd(BorrowedFd::borrow_raw(fd), FdFlags::empty())?)
            });
        }
        let child = command.spawn().map_err(|error| VmError::NoReadOnlyView {
            path: share.path.clone(),
            why: ReadOnly::explain(&error),
        })?;
        Ok(Self { child, complaints, socket: Some(socket), tag: share.tag.clone() })
    }

    /// The tag that the guest mounts it by.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The end of the socket for QEMU, once.
    pub(super) fn take_socket(&mut self) -> Option<OwnedFd> {
        self.socket.take().map(OwnedFd::from)
    }

    /// Its message, if it has failed by itself.
    pub(super) fn words(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten().filter(|status| !status.success())?;
        let mut said = String::new();
        let _ = self.complaints.rewind().and_then(|()| self.complaints.read_to_string(&mut said));
        Some(format!("virtiofsd ended ({status}): {}", said.trim()))
    }
}

impl Drop for Virtiofsd {
    fn drop(&mut self) {
        self.socket = None;
        for _ in 0..END.as_millis() / 5 {
            match self.child.try_wait() {
                Ok(None) => sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listening socket with one connection to it, and no name by which another
/// one could be made.
fn connected() -> std::io::Result<(UnixListener, UnixStream)> {
    let dir = tempfile::Builder::new().prefix("raext-").tempdir()?;
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path)?;
    let stream = UnixStream::connect(&path)?;
    dir.close()?;
    Ok((listener, stream))
}

/// The one in `PATH`, else where packages put it.
fn find() -> Option<PathBuf> {
    programs::look_up(Path::new("virtiofsd"), true)
        .or_else(|| PLACES.iter().map(PathBuf::from).find(|path| path.is_file()))
}

/// The command line for [`PLACE`]. There are two programs of the name:
/// QEMU's own up to 7.2, written in C, and the one that took its place.
fn arguments(program: &Path, fd: i32) -> Vec<String> {
    // Told by a word that only one has: QEMU's does not even tell its version to an
    // ordinary user.
    const WORD: &[u8] = b"shared-dir";
    let content = fs::read(program).unwrap_or_default();
    let of_qemu = !content.windows(WORD.len()).any(|part| part == WORD);
    let (fd, place) = (format!("--fd={fd}"), PLACE.to_string_lossy());
    let options = if of_qemu {
        vec![
            fd,
            "-f".into(),
            "-o".into(),
            format!("source={place},sandbox=chroot,cache=always,log_level=err"),
        ]
    } else {
        vec![
            fd,
            format!("--shared-dir={place}"),
            "--sandbox=chroot".into(),
            "--cache=always".into(),
            "--log-level=error".into(),
        ]
    };
    // As many files as the process may have open anyway.
    options.into_iter().chain(["--rlimit-nofile=0".into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    #[test]
    fn what_is_no_folder_is_refused_by_its_name() {
        for path in ["/no/such/folder", "/dev/null"] {
            let share = Share { tag: "x".into(), path: path.into() };
            let error = Virtiofsd::start(&share).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused);
            assert!(error.to_string().starts_with(path), "{error}");
        }
    }

    #[test]
    fn the_socket_has_no_name_and_is_connected() {
        let (listener, mut stream) = connected().unwrap();
        let place = listener.local_addr().unwrap().as_pathname().unwrap().to_owned();
        assert!(!place.exists() && !place.parent().unwrap().exists());
        let (mut theirs, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"x").unwrap();
        let mut byte = [0];
        theirs.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
}
