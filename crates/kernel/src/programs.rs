// SPDX-License-Identifier: GPL-2.0-only
//! Programs of the package archive for the microVM, each with all that it
//! depends on, unpacked into a folder of its own: nothing is installed, and no
//! root is needed.

use crate::apt::{self, Apt};
use crate::{KernelError, absolute, cache};
use raext_model::Progress;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// The suite that they are of, on whatever Debian: what is measured stays
/// comparable.
const SUITES: [&str; 1] = ["bookworm"];
/// Lists older than this are fetched anew before something is downloaded.
const LISTS: Duration = Duration::from_secs(24 * 60 * 60);
/// In each folder: which packages it was made of. It comes last.
const PACKAGES: &str = ".packages";
/// The links at the top of a merged `/usr`, before anything is unpacked: the packages
/// of this suite do not bring them.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// A folder that programs find all they need in, as their root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramRoot {
    /// The folder.
    pub path: PathBuf,
    /// The packages, each as `name_version_architecture`.
    pub packages: Vec<String>,
}

impl ProgramRoot {
    /// The version of one of its packages.
    pub fn version(&self, package: &str) -> Option<&str> {
        self.packages.iter().find_map(|file| {
            let mut parts = file.split('_');
            (parts.next() == Some(package)).then(|| parts.next()).flatten()
        })
    }
}

/// The programs in a cache.
#[derive(Clone)]
pub struct Packages {
    cache: PathBuf,
    progress: Rc<dyn Progress>,
}

impl Packages {
    /// Programs that are kept in `cache`.
    ///
    /// # Errors
    /// When the path cannot be resolved.
    pub fn new(cache: &Path, progress: Rc<dyn Progress>) -> Result<Self, KernelError> {
        Ok(Self { cache: absolute(cache)?, progress })
    }

    /// The cache.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The folder of all roots.
    pub fn folder(&self) -> PathBuf {
        self.cache.join("software")
    }

    /// The display of the steps.
    pub fn progress(&self) -> &Rc<dyn Progress> {
        &self.progress
    }

    /// Provide `packages` with all that they depend on in a folder of that name; what
    /// is there already is taken as it is. `finish` does what the packages' own
    /// scripts would have done.
    ///
    /// # Errors
    /// When the archive, apt or the network is missing, or the disk is full.
    pub fn provide(
        &self,
        name: &str,
        packages: &[&str],
        finish: &dyn Fn(&Path) -> std::io::Result<()>,
    ) -> Result<ProgramRoot, KernelError> {
        let dir = self.folder();
        let path = dir.join(name);
        if let Some(there) = there(&path, packages) {
            return Ok(there);
        }
        let lock = cache::lock(&dir)?;
        // Another process may have made it meanwhile.
        if let Some(there) = there(&path, packages) {
            return Ok(there);
        }
        let apt = Apt::suites(&self.cache.join("apt-software"), &SUITES, LISTS, &|| {
            self.progress.step("fetching the package lists of the software to measure");
        })?;
        let made = cache::begin(&dir)?;
        let debs = made.path().join("var/packages");
        fs::create_dir_all(&debs).map_err(|e| KernelError::io("make the folder", &debs, e))?;
        self.progress.step(&format!("downloading {} and what they need", packages.join(", ")));
        apt.download_closure(&debs, packages)?;
        for name in MERGED {
            let (target, link) = (made.path().join("usr").join(name), made.path().join(name));
            fs::create_dir_all(&target).map_err(|e| KernelError::io("make", &target, e))?;
            symlink(format!("usr/{name}"), &link)
                .map_err(|e| KernelError::io("create", &link, e))?;
        }
        let files = apt::packages_in(&debs)?;
        self.progress.step(&format!("unpacking {} packages for {name}", files.len()));
        let mut list = String::new();
        for file in &files {
            apt::unpack_merged(file, made.path())?;
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            // apt writes an epoch's colon like that.
            list += &format!("{}\n", stem.replace("%3a", ":"));
        }
        fs::remove_dir_all(&debs).map_err(|e| KernelError::io("remove", &debs, e))?;
        finish(made.path()).map_err(|e| KernelError::io("finish", made.path(), e))?;
        let marker = made.path().join(PACKAGES);
        fs::write(&marker, list).map_err(|e| KernelError::io("write", &marker, e))?;
        cache::finish(made, &path)?;
        drop(lock);
        there(&path, packages).ok_or_else(|| {
            let packages = packages.iter().map(|&package| package.to_owned()).collect();
            KernelError::Download { packages, detail: "apt left some of them out".into() }
        })
    }
}

/// The root that was made before, if it has all wanted packages.
fn there(path: &Path, packages: &[&str]) -> Option<ProgramRoot> {
    let list = fs::read_to_string(path.join(PACKAGES)).ok()?;
    let packages_there = list.lines().map(str::to_owned).collect();
    let root = ProgramRoot { path: path.to_owned(), packages: packages_there };
    packages.iter().all(|package| root.version(package).is_some()).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_taken_as_it_is_if_it_has_all() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(there(dir.path(), &[]), None);
        fs::write(dir.path().join(PACKAGES), "fio_3.33-3_amd64\nlibc6_1:2.36_amd64\n").unwrap();
        let root = there(dir.path(), &["fio", "libc6"]).unwrap();
        assert_eq!(root.version("libc6"), Some("1:2.36"));
        assert_eq!(root.version("libc"), None);
        assert_eq!(there(dir.path(), &["fio", "tar"]), None);
    }
}
