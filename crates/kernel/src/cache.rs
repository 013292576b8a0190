// SPDX-License-Identifier: GPL-2.0-only
//! Folders that are there whole or not at all, also when a run is interrupted
//! or two of them want the same.

use crate::KernelError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The prefix of folders under construction.
const UNFINISHED: &str = ".unfinished-";

/// Hold the only pen in a folder, which is made if need be. Waits for another
/// process that holds it. Dropping the file gives it back.
pub(crate) fn lock(dir: &Path) -> Result<File, KernelError> {
    fs::create_dir_all(dir).map_err(|e| KernelError::io("make the folder", dir, e))?;
    let path = dir.join(".lock");
    let file = File::create(&path).map_err(|e| KernelError::io("create", &path, e))?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|e| KernelError::io("lock", &path, e.into()))?;
    Ok(file)
}

/// Begin a folder in `dir`, whose lock must be held: what earlier runs left
/// unfinished there goes. It goes too if it is not finished.
pub(crate) fn begin(dir: &Path) -> Result<TempDir, KernelError> {
    for path in entries(dir)? {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED)) {
            remove(&path)?;
        }
    }
    let open_to_all = Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(open_to_all)
        .tempdir_in(dir)
        .map_err(|e| KernelError::io("make a folder in", dir, e))
}

/// Give a finished folder its name, in place of what may have had it.
pub(crate) fn finish(made: TempDir, name: &Path) -> Result<(), KernelError> {
    remove(name)?;
    fs::rename(made.path(), name).map_err(|e| KernelError::io("create", name, e))?;
    // It has moved: nothing is left to delete.
    let _ = made.keep();
    Ok(())
}

/// The entries of a folder.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, KernelError> {
    fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|e| KernelError::io("read", dir, e))
}

fn remove(dir: &Path) -> Result<(), KernelError> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(KernelError::io("replace", dir, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_goes() {
        let dir = tempfile::tempdir().unwrap();
        let left = begin(dir.path()).unwrap().keep();
        fs::write(left.join("half"), "").unwrap();
        let made = begin(dir.path()).unwrap();
        assert!(!left.exists());
        fs::write(made.path().join("whole"), "").unwrap();
        let name = dir.path().join("name");
        fs::create_dir(&name).unwrap();
        fs::write(name.join("old"), "").unwrap();
        finish(made, &name).unwrap();
        let there = |file| name.join(file).exists();
        assert!(there("whole") && !there("old"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
