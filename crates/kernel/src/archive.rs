// SPDX-License-Identifier: GPL-2.0-only
//! A kernel out of the machine's own package archive, unpacked in the cache.
//!
//! `apt-get download` and `dpkg-deb -x` need no root and install nothing.
//! Once a kernel of the series is in the cache, neither is asked again: what
//! was measured stays comparable until the user empties the cache.

use crate::cache;
use crate::headers;
use crate::image::release_of_image;
use crate::series::numbers;
use crate::{Kernel, KernelError, Series};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The flavour for virtual machines: small, quick to boot, with virtio built in.
const FLAVOUR: &str = "cloud-amd64";
/// In each unpacked kernel: says that it is one, and which packages it came from.
const MARKER: &str = ".packages";
/// How many of the archive's kernels an error lists.
const SHOWN: usize = 10;
/// Where packages of different ages put the modules.
const MODULES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

pub(crate) fn newest(
    cache: &Path,
    series: Series,
    step: &dyn Fn(&str),
) -> Result<Kernel, KernelError> {
    let kernels = cache.join("kernels");
    if let Some(release) = cached(&kernels, series) {
        return assemble(&kernels, release, step);
    }
    let lock = cache::lock(&kernels)?;
    // Another process may have fetched it while this one waited.
    if let Some(release) = cached(&kernels, series) {
        drop(lock);
        return assemble(&kernels, release, step);
    }
    step(&format!("looking for the newest kernel {series} in the package archive"));
    let choice = choose(&search()?, series)?;
    let made = cache::begin(&kernels)?;
    step(&format!("downloading {}", choice.packages[0]));
    let files = download(made.path(), &choice.packages)?;
    step(&format!("unpacking {}", choice.packages[0]));
    for file in &files {
        unpack(file, made.path())?;
        fs::remove_file(file).map_err(|e| KernelError::io("remove", file, e))?;
    }
    let image = image(made.path(), &choice.release);
    let found = release_of_image(&image)?;
    if found != choice.release {
        let what = format!("image of that release, but one of {found}");
        return Err(KernelError::Package { release: choice.release, what });
    }
    let names = files.iter().filter_map(|f| Some(f.file_name()?.to_string_lossy() + "\n"));
    let marker = made.path().join(MARKER);
    fs::write(&marker, names.collect::<String>())
        .map_err(|e| KernelError::io("write", &marker, e))?;
    cache::finish(made, &kernels.join(&choice.release))?;
    drop(lock);
    assemble(&kernels, choice.release, step)
}

/// The newest kernel of the series that is in the cache.
fn cached(kernels: &Path, series: Series) -> Option<String> {
    fs::read_dir(kernels)
        .ok()?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join(MARKER).exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|release| series.contains(release))
        .max_by_key(|release| numbers(release))
}

/// The parts of an unpacked kernel.
fn assemble(kernels: &Path, release: String, step: &dyn Fn(&str)) -> Result<Kernel, KernelError> {
    let root = kernels.join(&release);
    let image = image(&root, &release);
    let modules_dir = MODULES
        .into_iter()
        .map(|dir| root.join(dir).join(&release))
        .find(|dir| dir.exists())
        .ok_or_else(|| KernelError::Package { release: release.clone(), what: "modules".into() })?;
    let unpacked = root.join(format!("usr/src/linux-headers-{release}"));
    let headers = headers::usable(&unpacked, &release, &image, &root, step)?;
    Ok(Kernel { release, image, modules_dir, headers, store: root })
}

fn image(root: &Path, release: &str) -> PathBuf {
    root.join(format!("boot/vmlinuz-{release}"))
}

/// A kernel, and the packages that make it up, the image's first.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    release: String,
    packages: Vec<String>,
}

/// The packages that the kernel `base`, e.g. `6.12.117+deb12`, is split into.
fn packages(base: &str) -> Vec<String> {
    vec![
        format!("linux-image-{base}-{FLAVOUR}"),
        format!("linux-headers-{base}-{FLAVOUR}"),
        format!("linux-headers-{base}-common"),
        format!("linux-kbuild-{base}"),
    ]
}

/// Choose among the packages that `apt-cache search` lists, one to a line.
fn choose(listed: &str, series: Series) -> Result<Choice, KernelError> {
    let names: HashSet<&str> =
        listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let mut bases: Vec<&str> = names
        .iter()
        .filter_map(|name| {
            let base = name.strip_prefix("linux-image-")?.strip_suffix(FLAVOUR)?;
            base.strip_suffix('-')
        })
        // A meta-package has the series alone in its name.
        .filter(|base| numbers(base).len() > 2)
        .collect();
    bases.sort_by_key(|base| std::cmp::Reverse(numbers(base)));
    if bases.is_empty() {
        return Err(KernelError::NoLists);
    }
    // The lists keep images whose headers are gone.
    let complete = |base: &&&str| packages(base).iter().all(|p| names.contains(p.as_str()));
    match bases.iter().filter(|base| series.contains(base)).find(complete) {
        Some(base) => Ok(Choice { release: format!("{base}-{FLAVOUR}"), packages: packages(base) }),
        None => Err(KernelError::NotInArchive {
            series,
            flavour: FLAVOUR,
            found: bases.iter().take(SHOWN).map(|base| (*base).to_owned()).collect(),
        }),
    }
}

fn search() -> Result<String, KernelError> {
    let pattern = "^linux-(image|headers|kbuild)-[0-9]";
    let output =
        run("apt-cache", "apt", Command::new("apt-cache").args(["search", "-n", pattern]))?;
    if !output.status.success() {
        return Err(KernelError::ToolFailed { tool: "apt-cache", detail: complaint(&output) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Download packages into `dir`.
fn download(dir: &Path, packages: &[String]) -> Result<Vec<PathBuf>, KernelError> {
    let mut command = Command::new("apt-get");
    // As root, apt would download as the user _apt, who cannot write here.
    command.args(["-q", "-o", "APT::Sandbox::User=root", "download"]);
    let output = run("apt-get", "apt", command.args(packages).current_dir(dir))?;
    if !output.status.success() {
        let packages = packages.to_vec();
        return Err(KernelError::Download { packages, detail: complaint(&output) });
    }
    cache::entries(dir)
}

fn unpack(package: &Path, dir: &Path) -> Result<(), KernelError> {
    let mut command = Command::new("dpkg-deb");
    let output = run("dpkg-deb", "dpkg", command.arg("-x").arg(package).arg(dir))?;
    if !output.status.success() {
        return Err(KernelError::ToolFailed { tool: "dpkg-deb", detail: complaint(&output) });
    }
    Ok(())
}

fn run(
    tool: &'static str,
    package: &'static str,
    command: &mut Command,
) -> Result<Output, KernelError> {
    command.env("LC_ALL", "C").output().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => KernelError::Tool { tool, package },
        _ => KernelError::ToolFailed { tool, detail: e.to_string() },
    })
}

/// The first error line of a program of the packaging system.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let error = text.lines().find(|line| line.starts_with("E:") || line.contains("error"));
    let line = error.or_else(|| text.lines().next()).unwrap_or("it gave no reason");
    line.trim_start_matches("E:").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Debian 12 with its security archive lists, less other flavours.
    const LISTED: &str = include_str!("../tests/data/apt-cache-search.txt");
    const SERIES: Series = Series { major: 6, minor: 12 };

    /// `LISTED` without the packages that have one of these texts in their name.
    fn without(texts: &[&str]) -> String {
        LISTED
            .lines()
            .filter(|line| {
                let name = line.split(' ').next().unwrap();
                !texts.iter().any(|text| name.contains(text))
            })
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn the_newest_complete_signed_image_is_chosen() {
        let choice = choose(LISTED, SERIES).unwrap();
        assert_eq!(choice.release, "6.12.117+deb12-cloud-amd64");
        assert_eq!(
            choice.packages,
            [
                "linux-image-6.12.117+deb12-cloud-amd64",
                "linux-headers-6.12.117+deb12-cloud-amd64",
                "linux-headers-6.12.117+deb12-common",
                "linux-kbuild-6.12.117+deb12",
            ]
        );
    }

    #[test]
    fn an_image_without_all_of_its_headers_is_passed_over() {
        for gone in
            ["kbuild-6.12.117", "headers-6.12.117+deb12-common", "headers-6.12.117+deb12-cl"]
        {
            let choice = choose(&without(&[gone]), SERIES).unwrap();
            assert_eq!(choice.release, "6.12.115+deb12-cloud-amd64", "{gone}");
        }
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let two: String = ["6.12.9+deb12", "6.12.10+deb12"]
            .into_iter()
            .flat_map(packages)
            .map(|name| format!("{name} - A package\n"))
            .collect();
        assert_eq!(choose(&two, SERIES).unwrap().release, "6.12.10+deb12-cloud-amd64");
    }

    #[test]
    fn a_series_that_the_archive_lacks_is_named_with_what_there_is() {
        let error = choose(LISTED, Series { major: 6, minor: 18 }).unwrap_err();
        assert!(error.is_environment());
        let text = error.to_string();
        assert!(text.contains("no kernel 6.18"), "{text}");
        assert!(text.contains(": 6.12.117+deb12, 6.12.115+deb12, "), "{text}");
        assert!(text.ends_with("6.12.100+deb12, 6.1.0-56, 6.1.0-55, 6.1.0-54"), "{text}");
        let kbuild_gone = choose(&without(&["kbuild"]), SERIES).unwrap_err();
        assert!(matches!(kbuild_gone, KernelError::NotInArchive { .. }), "{kbuild_gone}");
    }

    #[test]
    fn empty_lists_are_told_from_a_missing_series() {
        for listed in ["", "linux-image-cloud-amd64 - Linux for x86-64 cloud (meta-package)\n"] {
            assert!(matches!(choose(listed, SERIES), Err(KernelError::NoLists)));
        }
    }

    #[test]
    fn the_cache_answers_with_the_newest_whole_kernel_of_the_series() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(cached(&dir.path().join("none"), SERIES), None);
        for (release, whole) in [
            ("6.12.99+deb12-cloud-amd64", true),
            ("6.12.117+deb12-cloud-amd64", true),
            ("6.12.120+deb12-cloud-amd64", false),
            ("6.18.1+deb12-cloud-amd64", true),
        ] {
            let kernel = dir.path().join(release);
            fs::create_dir(&kernel).unwrap();
            if whole {
                fs::write(kernel.join(MARKER), "").unwrap();
            }
        }
        let found = cached(dir.path(), SERIES);
        assert_eq!(found.as_deref(), Some("6.12.117+deb12-cloud-amd64"));
    }

    #[test]
    fn the_complaint_is_the_error_and_not_the_progress() {
        let stderr = b"W: a warning\nE: Unable to locate package x\nE: more\n".to_vec();
        let status = std::os::unix::process::ExitStatusExt::from_raw(100 << 8);
        let output = Output { status, stdout: Vec::new(), stderr };
        assert_eq!(complaint(&output), "Unable to locate package x");
    }
}
