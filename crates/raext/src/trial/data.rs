// SPDX-License-Identifier: GPL-2.0-only
//! The folders that are put onto the device: which, and how much that is.

use crate::exit::Result;
use raext_model::Error;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Bytes that a file takes beside its content: an inode, and the rest of a block.
const PER_FILE: u64 = 4608;
/// Folders that are the kernel's, not data.
const OF_THE_KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// A folder (or a file) for the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data {
    /// Its path, without symbolic links.
    pub path: PathBuf,
    /// Whether it is on this machine; else it is to be made.
    pub there: bool,
    /// The size of its files, bytes.
    pub bytes: u64,
    /// Sockets and device nodes in it, which are not copied.
    pub left_out: u64,
}

/// Find out what was given. Where something `makes` data, a folder need not be
/// there yet.
pub(super) fn resolve(given: &[PathBuf], makes: bool) -> Result<Vec<Data>> {
    let mut found: Vec<Data> = Vec::new();
    for path in given {
        let data = look(path, makes)?;
        // A folder within another one is copied with it.
        if found.iter().any(|other| data.path.starts_with(&other.path)) {
            continue;
        }
        found.retain(|other| !other.path.starts_with(&data.path));
        found.push(data);
    }
    Ok(found)
}

fn look(path: &Path, makes: bool) -> Result<Data> {
    let refuse = |error| Error::refused(format!("--data {}: {error}", path.display()));
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && makes => {
            let path = std::path::absolute(path).map_err(refuse)?;
            return Ok(Data { path, there: false, bytes: 0, left_out: 0 });
        }
        path => path.map_err(refuse)?,
    };
    let meta = fs::metadata(&path).map_err(refuse)?;
    if !meta.is_dir() && !meta.is_file() {
        return Err(refuse(std::io::Error::other("neither a folder nor a file")));
    }
    if path == Path::new("/") || OF_THE_KERNEL.iter().any(|kernel| path.starts_with(kernel)) {
        let why = "no folder of data: name the one in which they are";
        return Err(refuse(std::io::Error::other(why)));
    }
    let mut data = Data { path, there: true, bytes: 0, left_out: 0 };
    let root = data.path.clone();
    add(&root, &meta, &mut data)
        .map_err(|(path, error)| Error::refused(format!("{}: {error}", path.display())))?;
    Ok(data)
}

/// Add a file, or a folder with all that is in it.
fn add(path: &Path, meta: &Metadata, data: &mut Data) -> Result<(), (PathBuf, std::io::Error)> {
    let kind = meta.file_type();
    if kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        data.left_out += 1;
        return Ok(());
    }
    // Holes take nothing.
    data.bytes += PER_FILE + meta.len().min(meta.blocks() * 512);
    if meta.is_dir() {
        let at = |error| (path.to_owned(), error);
        for entry in fs::read_dir(path).map_err(at)? {
            let entry = entry.map_err(at)?;
            let meta = entry.metadata().map_err(|error| (entry.path(), error))?;
            add(&entry.path(), &meta, data)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn folders_are_found_once_and_measured() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("a/below")).unwrap();
        fs::write(real.join("a/below/file"), vec![1; 100_000]).unwrap();
        std::os::unix::fs::symlink("a", real.join("link")).unwrap();
        let _socket = UnixListener::bind(real.join("a/below/socket")).unwrap();
        let given = [real.join("a/below"), real.join("link"), real.join("a/below/file")];
        let found = resolve(&given, false).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, real.join("a"));
        assert_eq!(found[0].left_out, 1);
        assert!((100_000..150_000).contains(&found[0].bytes), "{found:?}");
        let new = resolve(&[real.join("new")], true).unwrap();
        assert!(!new[0].there);
    }

    #[test]
    fn what_is_no_data_is_refused_by_name() {
        for path in ["/no/such", "/dev/null", "/", "/proc/self"] {
            let error = resolve(&[path.into()], false).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--data {path}: ")), "{error}");
        }
    }
}
