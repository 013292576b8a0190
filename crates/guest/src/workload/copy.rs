// SPDX-License-Identifier: GPL-2.0-only
//! Copying a tree of files as it is: owners, modes, times, links, holes.

use crate::workload::StageError;
use crate::workload::error::Context as _;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, SeekFrom, Timespec, Timestamps, Uid, chownat, mknodat, seek,
    utimensat,
};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// How much is copied between two words of progress, bytes.
const PORTION: u64 = 32 << 20;

/// What is known while copying.
pub(super) struct Copy<'a> {
    progress: &'a mut dyn FnMut(&str),
    /// Files with several names, by device and inode: where the copy is.
    linked: HashMap<(u64, u64), PathBuf>,
    bytes: u64,
    told: u64,
}

impl<'a> Copy<'a> {
    /// Nothing was copied yet.
    pub(super) fn new(progress: &'a mut dyn FnMut(&str)) -> Self {
        Self { progress, linked: HashMap::new(), bytes: 0, told: 0 }
    }

    /// Bytes of files that were copied.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Copy a file, or a folder with all that is in it; a symbolic link `from` is
    /// followed, those below are copied. Sockets and devices are left out.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub(super) fn copy(&mut self, from: &Path, to: &Path) -> Result<(), StageError> {
        let meta = fs::metadata(from).at("looking at", from)?;
        self.node(from, &meta, to)
    }

    fn node(&mut self, from: &Path, meta: &Metadata, to: &Path) -> Result<(), StageError> {
        let kind = meta.file_type();
        if kind.is_dir() {
            fs::create_dir(to).at("making", to)?;
            for entry in fs::read_dir(from).at("reading", from)? {
                let entry = entry.at("reading", from)?;
                let from = entry.path();
                let meta = entry.metadata().at("looking at", &from)?;
                self.node(&from, &meta, &to.join(entry.file_name()))?;
            }
        } else if kind.is_file() {
            let key = (meta.dev(), meta.ino());
            if let Some(first) = self.linked.get(&key) {
                return fs::hard_link(first, to).at("linking", to);
            }
            if meta.nlink() > 1 {
                self.linked.insert(key, to.to_owned());
            }
            self.content(from, meta, to)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(from).at("reading", from)?;
            symlink(target, to).at("making", to)?;
        } else if kind.is_fifo() {
            mknodat(CWD, to, FileType::Fifo, Mode::from_raw_mode(0o600), 0).at("making", to)?;
        } else {
            return Ok(());
        }
        attributes(meta, to).at("setting owner, mode and times of", to)
    }

    /// The bytes of a file, where there are some.
    fn content(&mut self, from: &Path, meta: &Metadata, to: &Path) -> Result<(), StageError> {
        let source = File::open(from).at("opening", from)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let copy = options.open(to).at("making", to)?;
        let holes = meta.blocks() * 512 < meta.len();
        let mut at = 0;
        while at < meta.len() {
            let end = if holes {
                let Some((start, end)) = data(&source, at).at("reading", from)? else { break };
                at = start;
                seek(&source, SeekFrom::Start(at)).at("reading", from)?;
                seek(&copy, SeekFrom::Start(at)).at("writing", to)?;
                end
            } else {
                meta.len()
            };
            let portion = (end - at).min(PORTION);
            // Done by the kernel, without a way through this process.
            let done = io::copy(&mut (&source).take(portion), &mut &copy).at("writing", to)?;
            if done == 0 {
                break;
            }
            at += done;
            self.bytes += done;
            if self.bytes - self.told >= PORTION {
                self.told = self.bytes;
                (self.progress)(&format!("copying the data: {} MiB", self.bytes >> 20));
            }
        }
        copy.set_len(meta.len()).at("writing", to)
    }
}

/// The next part of the file that is no hole.
fn data(file: &File, at: u64) -> Result<Option<(u64, u64)>, Errno> {
    let start = match seek(file, SeekFrom::Data(at)) {
        Err(Errno::NXIO) => return Ok(None),
        start => start?,
    };
    Ok(Some((start, seek(file, SeekFrom::Hole(start))?)))
}

fn attributes(meta: &Metadata, to: &Path) -> Result<(), Errno> {
    let link = AtFlags::SYMLINK_NOFOLLOW;
    let (owner, group) = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
    chownat(CWD, to, Some(owner), Some(group), link)?;
    if !meta.file_type().is_symlink() {
        rustix::fs::chmod(to, Mode::from_raw_mode(meta.mode() & 0o7777))?;
    }
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: time(meta.atime(), meta.atime_nsec()),
        last_modification: time(meta.mtime(), meta.mtime_nsec()),
    };
    utimensat(CWD, to, &times, link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

    #[test]
    fn a_copy_is_like_its_original() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("below/empty")).unwrap();
        fs::write(from.join("below/text"), "hello").unwrap();
        fs::set_permissions(from.join("below/text"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::hard_link(from.join("below/text"), from.join("again")).unwrap();
        symlink("below/text", from.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).unwrap();
        let holes = File::create(from.join("holes")).unwrap();
        holes.set_len(64 << 20).unwrap();
        holes.write_all_at(b"middle", 32 << 20).unwrap();

        let mut quiet = |_: &str| ();
        let mut copy = Copy::new(&mut quiet);
        copy.copy(&from, &to).unwrap();
        assert!(copy.bytes() < 1 << 20, "{}", copy.bytes());

        let meta = |path: &Path| fs::symlink_metadata(path).unwrap();
        assert_eq!(fs::read_to_string(to.join("link")).unwrap(), "hello");
        assert!(meta(&to.join("link")).is_symlink() && meta(&to.join("below/empty")).is_dir());
        let (text, again) = (meta(&to.join("below/text")), meta(&to.join("again")));
        assert_eq!((text.ino(), text.mode() & 0o777), (again.ino(), 0o640));
        assert_eq!(text.mtime_nsec(), meta(&from.join("again")).mtime_nsec());
        assert!(!to.join("socket").exists());
        let copied = meta(&to.join("holes"));
        assert_eq!(copied.len(), 64 << 20);
        assert!(copied.blocks() < 2048, "{}", copied.blocks());
        let mut word = [0; 6];
        File::open(to.join("holes")).unwrap().read_exact_at(&mut word, 32 << 20).unwrap();
        assert_eq!(&word, b"middle");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut quiet = |_: &str| ();
        let none = dir.path().join("none");
        let error = Copy::new(&mut quiet).copy(&none, &dir.path().join("to")).unwrap_err();
        assert!(error.to_string().contains(none.to_str().unwrap()), "{error}");
    }
}
