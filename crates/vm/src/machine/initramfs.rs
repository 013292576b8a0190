// SPDX-License-Identifier: GPL-2.0-only
//! The guest's root file system: a newc cpio archive, uncompressed, because
//! copying costs the guest less than unpacking.

use crate::machine::VmError;
use cpio::newc::{Builder, ModeFileType, trailer};
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(Debug)]
enum Node {
    Directory,
    File { content: Vec<u8>, mode: u32 },
}

/// The files of an initramfs, with the directories that hold them.
#[derive(Debug, Default)]
pub(super) struct Initramfs {
    /// By path without the leading slash: sorted, a directory comes before
    /// what it holds, as the kernel needs it.
    nodes: BTreeMap<String, Node>,
}

impl Initramfs {
    /// Add a file, in place of one that was there.
    ///
    /// # Errors
    /// When `path` is not absolute, leads upwards, or to or through what is
    /// a file or directory already and cannot be both.
    pub(super) fn add(&mut self, path: &str, content: Vec<u8>, mode: u32) -> Result<(), VmError> {
        let refused = || VmError::GuestPath { path: path.to_owned() };
        let relative = path.strip_prefix('/').ok_or_else(refused)?;
        let mut parents = Vec::new();
        for (end, _) in relative.match_indices('/') {
            parents.push(&relative[..end]);
        }
        if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused());
        }
        for parent in parents {
            match self.nodes.entry(parent.to_owned()).or_insert(Node::Directory) {
                Node::Directory => {}
                Node::File { .. } => return Err(refused()),
            }
        }
        match self.nodes.insert(relative.to_owned(), Node::File { content, mode: mode & 0o7777 }) {
            Some(Node::Directory) => Err(refused()),
            _ => Ok(()),
        }
    }

    /// Whether there is a file at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        let node = path.strip_prefix('/').and_then(|relative| self.nodes.get(relative));
        matches!(node, Some(Node::File { .. }))
    }

    /// Write the archive.
    ///
    /// # Errors
    /// When `to` cannot be written, or a file is larger than newc allows (4 GiB).
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        for (inode, (path, node)) in (1..).zip(&self.nodes) {
            let entry = Builder::new(path).ino(inode);
            let (entry, content) = match node {
                Node::Directory => {
                    (entry.mode(0o755).set_mode_file_type(ModeFileType::Directory), &[][..])
                }
                Node::File { content, mode } => {
                    let entry = entry.mode(*mode).set_mode_file_type(ModeFileType::Regular);
                    (entry, content.as_slice())
                }
            };
            let length = u32::try_from(content.len())
                .map_err(|_| io::Error::other(format!("{path} is larger than 4 GiB")))?;
            let mut writer = entry.write(&mut to, length);
            writer.write_all(content)?;
            writer.finish()?;
        }
        trailer(&mut to)?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;
    use std::io::Read;

    /// Name, mode and content of each entry.
    fn list(initramfs: &Initramfs) -> Vec<(String, u32, Vec<u8>)> {
        let mut archive = Vec::new();
        initramfs.write(&mut archive).unwrap();
        assert_eq!(archive.len() % 4, 0);
        let mut from = &archive[..];
        let mut entries = Vec::new();
        loop {
            let mut reader = Reader::new(from).unwrap();
            if reader.entry().is_trailer() {
                return entries;
            }
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            entries.push((reader.entry().name().to_owned(), reader.entry().mode(), content));
            from = reader.finish().unwrap();
        }
    }

    #[test]
    fn directories_come_before_what_they_hold() {
        let mut initramfs = Initramfs::default();
        initramfs.add("/usr/sbin/mkfs.xfs", b"xfs".to_vec(), 0o755).unwrap();
        initramfs.add("/init", b"old".to_vec(), 0o755).unwrap();
        initramfs.add("/init", b"agent".to_vec(), 0o100_755).unwrap();
        initramfs.add("/usr/lib/x.so", Vec::new(), 0o644).unwrap();
        assert!(initramfs.has("/init") && !initramfs.has("/usr") && !initramfs.has("init"));
        let dir = |name: &str| (name.to_owned(), 0o040_755, Vec::new());
        assert_eq!(
            list(&initramfs),
            [
                ("init".into(), 0o100_755, b"agent".to_vec()),
                dir("usr"),
                dir("usr/lib"),
                ("usr/lib/x.so".into(), 0o100_644, Vec::new()),
                dir("usr/sbin"),
                ("usr/sbin/mkfs.xfs".into(), 0o100_755, b"xfs".to_vec()),
            ]
        );
    }

    #[test]
    fn paths_that_are_none_are_refused() {
        let mut initramfs = Initramfs::default();
        initramfs.add("/a/file", Vec::new(), 0o644).unwrap();
        for path in ["init", "", "/", "/a/../b", "/a//b", "/a/", "/a", "/a/file/below"] {
            let refused = initramfs.add(path, Vec::new(), 0o644);
            assert!(matches!(refused, Err(VmError::GuestPath { .. })), "{path}");
        }
    }
}
