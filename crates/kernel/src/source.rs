// SPDX-License-Identifier: GPL-2.0-only
//! Files out of the source of a packaged kernel, for a comparison with what the
//! module imitates.
//!
//! The archive has the source in the package `linux-source-SERIES`: 150 MB and more,
//! ten times that when unpacked. The package is read as a stream, and only the wanted
//! files are kept, in the cache.

use crate::apt::{self, Apt};
use crate::pinned::pinned;
use crate::series::numbers;
use crate::{KernelError, Kernels, Series, cache};
use liblzma::read::XzDecoder;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tar::Archive;

/// Lists of the archive that are older are fetched again.
const AGE: Duration = Duration::from_secs(60 * 60);
const PREFIX: &str = "linux-source-";
/// In each folder: the files that were looked for, found or not.
const LOOKED: &str = ".looked-for";

/// Files of a kernel's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The version of the package, e.g. `7.3.4-1~bpo13+1`.
    pub version: String,
    /// The folder with the files, each at its path in the kernel's tree. A file that
    /// the kernel has not is not there either.
    pub folder: PathBuf,
}

impl Source {
    /// The kernel's version, e.g. `7.3.4`.
    #[must_use]
    pub fn kernel(&self) -> &str {
        self.version.split('-').next().unwrap_or_default()
    }
}

impl Kernels {
    /// Provide `files` of the newest source of a series that the archive has.
    ///
    /// # Errors
    /// When the archive, a tool, the network or the series' package is missing.
    pub fn source(&self, series: Series, files: &BTreeSet<&str>) -> Result<Source, KernelError> {
        let package = format!("{PREFIX}{series}");
        self.progress.step(&format!("looking for {package} in the package archive"));
        let (apt, version) = self.find_source(&package)?;
        let dir = self.cache.join("sources");
        let source = Source { folder: dir.join(&version), version };
        let lock = cache::lock(&dir)?;
        if has_looked(&source.folder, files) {
            return Ok(source);
        }
        let made = cache::begin(&dir)?;
        self.progress.step(&format!("downloading {package} {} (150 MB)", source.version));
        match pinned(&package).filter(|pinned| pinned.version() == Some(&*source.version)) {
            Some(pinned) => apt.download_pinned(made.path(), pinned)?,
            None => apt.download(made.path(), &[&format!("{package}={}", source.version)])?,
        }
        for deb in apt::packages_in(made.path())? {
            self.progress.step(&format!("reading {} files out of {package}", files.len()));
            unpack(&deb, files, made.path())?;
            fs::remove_file(&deb).map_err(|e| KernelError::io("remove", &deb, e))?;
        }
        let looked = made.path().join(LOOKED);
        let list: String = files.iter().map(|file| format!("{file}\n")).collect();
        fs::write(&looked, list).map_err(|e| KernelError::io("write", &looked, e))?;
        cache::finish(made, &source.folder)?;
        drop(lock);
        Ok(source)
    }

    /// The series whose source the archive has, oldest first.
    ///
    /// # Errors
    /// When apt or the network is missing.
    pub fn source_series(&self) -> Result<Vec<Series>, KernelError> {
        let pattern = format!("^{PREFIX}[0-9]");
        let mut names = Apt::of_the_machine().search(&pattern)?;
        names += &Apt::newer(&self.cache, AGE, &*self.progress)?.search(&pattern)?;
        Ok(series_in(&names))
    }

    /// The newest version of a package: the machine's own archive comes first, then the
    /// newer suites, then a file that the archive keeps unlisted.
    fn find_source(&self, package: &str) -> Result<(Apt, String), KernelError> {
        let machine = Apt::of_the_machine();
        if let Some(version) = newest(&machine.versions(package)?) {
            return Ok((machine, version));
        }
        let newer = Apt::newer(&self.cache, AGE, &*self.progress)?;
        let unlisted = || pinned(package)?.version().map(str::to_owned);
        match newest(&newer.versions(package)?).or_else(unlisted) {
            Some(version) => Ok((newer, version)),
            None => Err(KernelError::NoSource { package: package.to_owned() }),
        }
    }
}

/// The series of the packages that `apt-cache search` lists, one to a line.
fn series_in(listed: &str) -> Vec<Series> {
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    let all: BTreeSet<Series> =
        names.filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok()).collect();
    all.into_iter().collect()
}

/// The newest version in the table of `apt-cache madison`.
fn newest(table: &str) -> Option<String> {
    let versions = table.lines().filter_map(|line| line.split('|').nth(1).map(str::trim));
    versions.max_by_key(|version| numbers(version)).map(str::to_owned)
}

fn has_looked(folder: &Path, files: &BTreeSet<&str>) -> bool {
    fs::read_to_string(folder.join(LOOKED))
        .is_ok_and(|list| files.iter().all(|file| list.lines().any(|line| line == *file)))
}

/// Unpack `files` of the source that is in the package `deb` into `to`.
fn unpack(deb: &Path, files: &BTreeSet<&str>, to: &Path) -> Result<(), KernelError> {
    let failed = |detail: String| KernelError::ToolFailed { tool: "dpkg-deb", detail };
    let mut program = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let done = unpack_from(&mut program, files, to);
    let status = program.wait().map_err(|e| failed(e.to_string()))?;
    match done {
        // The program is cut short once all is found: its status says nothing then.
        Ok(()) => Ok(()),
        Err(e) if status.success() => Err(KernelError::io("read the source in", deb, e)),
        Err(e) => Err(failed(format!("it cannot read {}: {e}", deb.display()))),
    }
}

/// As [`unpack`], from a program that writes the package's files. Its output is closed
/// on return.
fn unpack_from(program: &mut Child, files: &BTreeSet<&str>, to: &Path) -> io::Result<()> {
    let stdout = program.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    unpack_package(stdout, files, to)
}

/// The source is the one `.tar.xz` among the package's files.
fn unpack_package(package: impl Read, files: &BTreeSet<&str>, to: &Path) -> io::Result<()> {
    for entry in Archive::new(package).entries()? {
        let entry = entry?;
        if entry.path()?.to_string_lossy().ends_with(".tar.xz") {
            return unpack_source(XzDecoder::new(entry), files, to);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the package has no .tar.xz"))
}

/// Each path in the source begins with a folder that names the series.
fn unpack_source(source: impl Read, files: &BTreeSet<&str>, to: &Path) -> io::Result<()> {
    let mut wanted = files.clone();
    for entry in Archive::new(source).entries()? {
        if wanted.is_empty() {
            break;
        }
        let mut entry = entry?;
        let path = entry.path()?;
        let inside = path.to_str().and_then(|path| path.trim_start_matches("./").split_once('/'));
        let Some(file) = inside.and_then(|(_, path)| wanted.take(path)) else { continue };
        let file = to.join(file);
        fs::create_dir_all(file.parent().unwrap_or(to))?;
        io::copy(&mut entry, &mut File::create(&file)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::xz;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn package(source: &[u8]) -> Vec<u8> {
        archive(&[
            ("./usr/share/doc/linux-source-9.9/copyright", b"GPL"),
            ("./usr/src/linux-source-9.9.tar.xz", source),
        ])
    }

    #[test]
    fn only_the_wanted_files_of_a_source_are_unpacked() {
        let source = archive(&[
            ("linux-source-9.9/mm/filemap.c", b"fault"),
            ("linux-source-9.9/mm/readahead.c", b"window"),
            ("linux-source-9.9/tools/mm/filemap.c", b"another"),
        ]);
        let dir = tempfile::tempdir().unwrap();
        let wanted = BTreeSet::from(["mm/filemap.c", "mm/gone.c"]);
        unpack_package(&*package(&xz(&source)), &wanted, dir.path()).unwrap();
        assert_eq!(fs::read(dir.path().join("mm/filemap.c")).unwrap(), b"fault");
        assert_eq!(cache::entries(&dir.path().join("mm")).unwrap().len(), 1);
        assert!(!dir.path().join("tools").exists());
    }

    #[test]
    fn a_source_that_is_broken_off_is_an_error() {
        let noise: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let whole =
            xz(&archive(&[("linux-source-9.9/a.c", &noise), ("linux-source-9.9/b.c", b"b")]));
        let dir = tempfile::tempdir().unwrap();
        let cut = package(&whole[..whole.len() / 2]);
        unpack_package(&*cut, &BTreeSet::from(["b.c"]), dir.path()).unwrap_err();
        let none = archive(&[("./usr/share/doc/x", b"")]);
        let error = unpack_package(&*none, &BTreeSet::new(), dir.path()).unwrap_err();
        assert!(error.to_string().contains("no .tar.xz"), "{error}");
    }

    #[test]
    fn a_folder_is_taken_as_it_is_if_all_was_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_looked(dir.path(), &BTreeSet::new()));
        fs::write(dir.path().join(LOOKED), "mm/filemap.c\nmm/gone.c\n").unwrap();
        assert!(has_looked(dir.path(), &BTreeSet::from(["mm/gone.c"])));
        assert!(!has_looked(dir.path(), &BTreeSet::from(["mm/gone.c", "mm/gone"])));
    }

    #[test]
    fn the_newest_version_is_the_highest_number() {
        let table = " linux-source-6.12 | 6.12.99-1 | http://a.example bookworm/main Packages\n \
                      linux-source-6.12 | 6.12.117-1~deb12u1 | http://a.example x/main Packages\n";
        assert_eq!(newest(table).as_deref(), Some("6.12.117-1~deb12u1"));
        assert_eq!(newest(""), None);
        let source = Source { version: newest(table).unwrap(), folder: PathBuf::new() };
        assert_eq!(source.kernel(), "6.12.117");
    }

    #[test]
    fn a_package_names_its_series() {
        let names = "linux-source-7.3 - Linux kernel source\nlinux-source-6.12 - x\n\
                     linux-source-7.3 - x\nlinux-source - x\nlinux-source-7.3-rt - x\n";
        let series: Vec<String> = series_in(names).iter().map(ToString::to_string).collect();
        assert_eq!(series, ["6.12", "7.3"]);
    }
}
