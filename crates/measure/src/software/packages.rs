// SPDX-License-Identifier: GPL-2.0-only
//! Applications: what they are made of, and a root for them.

use crate::software::SoftwareError;
use raext_kernel::{Packages, ProgramRoot};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// The tag of the share that has all roots.
pub(super) const SHARE: &str = "software";
/// Users and groups that packages would have made.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    postgres:x:101:101:PostgreSQL:/data:/bin/bash\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\npostgres:x:101:\nnogroup:x:65534:\n";
/// The packages of every root: a shell, the usual tools, C and its locales.
const COMMON: [&str; 7] = ["base-files", "bash", "coreutils", "dash", "findutils", "grep", "sed"];

/// An application, by its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Software {
    /// The name of its root.
    pub name: &'static str,
    /// Its packages, without what they depend on.
    pub packages: &'static [&'static str],
}

impl Software {
    /// Its root in the cache, fetched if need be.
    ///
    /// # Errors
    /// When the packages cannot be had.
    pub fn provide(self, from: &Packages) -> Result<ProgramRoot, SoftwareError> {
        let packages: Vec<_> = self.packages.iter().chain(&COMMON).copied().collect();
        Ok(from.provide(self.name, &packages, &finish)?)
    }

    /// Its packages with their versions.
    pub fn versions(self, root: &ProgramRoot) -> String {
        let version = |package: &&str| root.version(package).unwrap_or("unknown").to_owned();
        let all = self.packages.iter().map(|package| format!("{package} {}", version(package)));
        all.collect::<Vec<_>>().join("\n")
    }

    /// Where the guest has its root.
    pub fn layer(self) -> String {
        format!("{}/{SHARE}/{}", raext_model::SHARES, self.name)
    }
}

/// The needed part of what the packages' own scripts do.
fn finish(root: &Path) -> io::Result<()> {
    for dir in ["etc", "data", "tmp", "run", "var/tmp", "root", "proc", "sys", "dev"] {
        fs::create_dir_all(root.join(dir))?;
    }
    for dir in ["tmp", "var/tmp"] {
        fs::set_permissions(root.join(dir), Permissions::from_mode(0o1777))?;
    }
    fs::write(root.join("etc/passwd"), PASSWD)?;
    fs::write(root.join("etc/group"), GROUP)?;
    fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    for (link, target) in [("usr/bin/sh", "dash"), ("usr/bin/awk", "mawk")] {
        if !root.join(link).exists() && root.join("usr/bin").join(target).exists() {
            symlink(target, root.join(link))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_has_users_and_places_to_write() {
        let dir = tempfile::tempdir().unwrap();
        finish(dir.path()).unwrap();
        let passwd = fs::read_to_string(dir.path().join("etc/passwd")).unwrap();
        assert!(passwd.lines().any(|line| line.starts_with("postgres:x:101:101:")), "{passwd}");
        let mode = fs::metadata(dir.path().join("tmp")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o1777);
    }
}
