// SPDX-License-Identifier: GPL-2.0-only
//! A kernel out of a package archive, unpacked in the cache.
//!
//! The machine's own archive is asked first, then the newer suites of the same
//! mirror. `apt-get download` and `dpkg-deb -x` need no root and install nothing.
//! Once a kernel of the series is in the cache, neither is asked again: what
//! was measured stays comparable until the user empties the cache.

use crate::apt::{self, Apt};
use crate::cache;
use crate::environment::Environment;
use crate::headers;
use crate::image::release_of_image;
use crate::pinned;
use crate::series::numbers;
use crate::tested::is_tested;
use crate::{Kernel, KernelError, Kernels, Series};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The flavour for virtual machines: small, quick to boot, with virtio built in.
const FLAVOUR: &str = "cloud-amd64";
/// In each unpacked kernel: says that it is one, and which packages it came from.
const MARKER: &str = ".packages";
/// How many of the archive's kernels an error lists.
const SHOWN: usize = 10;
/// Where packages of different ages put the modules.
const MODULES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

pub(crate) fn newest(kernels: &Kernels, series: Series) -> Result<Kernel, KernelError> {
    let dir = kernels.cache.join("kernels");
    if let Some(release) = cached(&dir, series) {
        return assemble(kernels, release);
    }
    let lock = cache::lock(&dir)?;
    // Another process may have fetched it while this one waited.
    if let Some(release) = cached(&dir, series) {
        drop(lock);
        return assemble(kernels, release);
    }
    let (apt, suite, choice) = find(kernels, series)?;
    let made = cache::begin(&dir)?;
    kernels.progress.step(&format!("downloading kernel {}", choice.release));
    download(&apt, made.path(), &choice.packages)?;
    kernels.progress.step(&format!("unpacking kernel {}", choice.release));
    let files = apt::packages_in(made.path())?;
    for file in &files {
        apt::unpack(file, made.path())?;
        fs::remove_file(file).map_err(|e| KernelError::io("remove", file, e))?;
    }
    let image = image(made.path(), &choice.release);
    let found = release_of_image(&image)?;
    if found != choice.release {
        let what = format!("image of that release, but one of {found}");
        return Err(KernelError::Package { release: choice.release, what });
    }
    let names = files.iter().filter_map(|f| Some(f.file_name()?.to_string_lossy() + "\n"));
    let write = |name: &str, text: &str| {
        let path = made.path().join(name);
        fs::write(&path, text).map_err(|e| KernelError::io("write", &path, e))
    };
    write(MARKER, &names.collect::<String>())?;
    if let Some(suite) = suite {
        Environment::mark(made.path(), suite)?;
    }
    cache::finish(made, &dir.join(&choice.release))?;
    drop(lock);
    assemble(kernels, choice.release)
}

/// The kernel in the machine's own archive, else among the newer ones; with the
/// suite that it is for, where that is not the machine's.
fn find(
    kernels: &Kernels,
    series: Series,
) -> Result<(Apt, Option<&'static str>, Choice), KernelError> {
    let looking = format!("looking for the newest kernel {series} in the package archive");
    kernels.progress.step(&looking);
    let machine = Apt::of_the_machine();
    match choose(&machine.search_kernels()?, series) {
        Err(KernelError::NotInArchive { .. }) => {}
        choice => return Ok((machine, None, choice?)),
    }
    let newer = Apt::newer(&kernels.cache, Duration::ZERO, &*kernels.progress)?;
    let choice = choose(&with_pinned(newer.search_kernels()?), series)?;
    Ok((newer, Some(apt::SUITE), choice))
}

/// The packages that an archive lists, and those that it keeps unlisted.
fn with_pinned(mut listed: String) -> String {
    for name in pinned::names() {
        listed += &format!("{name}\n");
    }
    listed
}

fn download(apt: &Apt, dir: &Path, packages: &[String]) -> Result<(), KernelError> {
    let (pinned, listed): (Vec<_>, Vec<_>) =
        packages.iter().map(|name| (&**name, pinned::pinned(name))).partition(|(_, p)| p.is_some());
    let listed: Vec<&str> = listed.into_iter().map(|(name, _)| name).collect();
    if !listed.is_empty() {
        apt.download(dir, &listed)?;
    }
    pinned.into_iter().filter_map(|(_, p)| p).try_for_each(|p| apt.download_pinned(dir, p))
}

/// The releases of whole kernels in the cache, newest first.
pub(crate) fn all_cached(cache: &Path) -> Vec<String> {
    let mut releases = whole(&cache.join("kernels"));
    releases.sort_by_key(|release| std::cmp::Reverse(numbers(release)));
    releases
}

/// The releases of the kernels that can be had, the newest of each series,
/// newest first.
pub(crate) fn available(kernels: &Kernels, age: Duration) -> Result<Vec<String>, KernelError> {
    let machine = releases(&Apt::of_the_machine().search_kernels()?);
    let newer = Apt::newer(&kernels.cache, age, &*kernels.progress)?;
    let newer = releases(&with_pinned(newer.search_kernels()?));
    Ok(newest_of_each(machine, newer))
}

/// Where both archives have a series, it is the machine's that is taken.
fn newest_of_each(machine: Vec<String>, newer: Vec<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for release in machine.into_iter().chain(newer) {
        let series = Series::of(&release);
        if series.is_some() && !found.iter().any(|other| Series::of(other) == series) {
            found.push(release);
        }
    }
    found.sort_by_key(|release| std::cmp::Reverse(numbers(release)));
    found
}

/// The newest kernel of the series that is in the cache.
fn cached(kernels: &Path, series: Series) -> Option<String> {
    whole(kernels)
        .into_iter()
        .filter(|release| series.contains(release))
        .max_by_key(|release| numbers(release))
}

fn whole(kernels: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(kernels) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join(MARKER).exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// The parts of an unpacked kernel.
fn assemble(kernels: &Kernels, release: String) -> Result<Kernel, KernelError> {
    let root = kernels.cache.join("kernels").join(&release);
    let image = image(&root, &release);
    let modules_dir = MODULES
        .into_iter()
        .map(|dir| root.join(dir).join(&release))
        .find(|dir| dir.exists())
        .ok_or_else(|| KernelError::Package { release: release.clone(), what: "modules".into() })?;
    let unpacked = root.join(format!("usr/src/linux-headers-{release}"));
    let headers = headers::usable(&unpacked, &release, &image, &root, &*kernels.progress)?;
    Ok(Kernel {
        untested: !is_tested(&release),
        environment: Environment::of(&root, &kernels.cache)?,
        release,
        image,
        modules_dir,
        headers,
        store: root,
    })
}

/// Beside the modules since the image has a package of its own (6.19).
fn image(root: &Path, release: &str) -> PathBuf {
    let beside = root.join(format!("usr/lib/modules/{release}/vmlinuz"));
    if beside.exists() { beside } else { root.join(format!("boot/vmlinuz-{release}")) }
}

/// A kernel, and the packages that make it up, the image's first.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    release: String,
    packages: Vec<String>,
}

/// The packages that the kernel `base`, e.g. `6.12.117+deb12`, is split into:
/// since 6.19 the image is three.
fn packages(base: &str, names: &HashSet<&str>) -> Vec<String> {
    let binary = format!("linux-binary-{base}-{FLAVOUR}");
    let mut packages = if names.contains(&*binary) {
        vec![
            binary,
            format!("linux-modules-{base}-{FLAVOUR}"),
            // The lists of modules.
            format!("linux-base-{base}-{FLAVOUR}"),
        ]
    } else {
        vec![format!("linux-image-{base}-{FLAVOUR}")]
    };
    packages.extend([
        format!("linux-headers-{base}-{FLAVOUR}"),
        format!("linux-headers-{base}-common"),
        format!("linux-kbuild-{base}"),
    ]);
    packages
}

/// The first word of each line.
fn names(listed: &str) -> HashSet<&str> {
    listed.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

/// The versions of the images, newest first.
fn bases<'a>(names: &HashSet<&'a str>) -> Vec<&'a str> {
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
    bases
}

/// The lists keep images whose headers are gone.
fn is_complete(base: &str, names: &HashSet<&str>) -> bool {
    packages(base, names).iter().all(|package| names.contains(&**package))
}

/// The releases of all whole kernels that are listed, newest first.
fn releases(listed: &str) -> Vec<String> {
    let names = names(listed);
    let bases = bases(&names).into_iter().filter(|base| is_complete(base, &names));
    bases.map(|base| format!("{base}-{FLAVOUR}")).collect()
}

/// Choose among the packages that `apt-cache search` lists, one to a line.
fn choose(listed: &str, series: Series) -> Result<Choice, KernelError> {
    let names = names(listed);
    let bases = bases(&names);
    if bases.is_empty() {
        return Err(KernelError::NoLists);
    }
    match bases.iter().find(|base| series.contains(base) && is_complete(base, &names)) {
        Some(base) => {
            Ok(Choice { release: format!("{base}-{FLAVOUR}"), packages: packages(base, &names) })
        }
        None => Err(KernelError::NotInArchive {
            series,
            flavour: FLAVOUR,
            found: bases.iter().take(SHOWN).map(|base| (*base).to_owned()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    /// The list of Debian 12 with its security archive, less other flavours.
    const LISTED: &str = include_str!("../tests/data/apt-cache-search.txt");
    const SERIES: Series = Series { major: 6, minor: 12 };
    /// Part of what the newer suites list.
    const NEWER: &str = include_str!("../tests/data/apt-cache-search-newer.txt");

    fn series(text: &str) -> Series {
        text.parse().unwrap()
    }

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
            .flat_map(|base| packages(base, &HashSet::new()))
            .map(|name| format!("{name} - A package\n"))
            .collect();
        assert_eq!(choose(&two, SERIES).unwrap().release, "6.12.10+deb12-cloud-amd64");
    }

    #[test]
    fn a_series_that_the_archive_lacks_is_named_with_what_there_is() {
        let error = choose(LISTED, Series { major: 6, minor: 18 }).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
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
    fn an_image_in_three_packages_is_one_kernel() {
        let choice = choose(NEWER, series("7.3")).unwrap();
        assert_eq!(
            choice.packages,
            [
                "linux-binary-7.3.4+deb13-cloud-amd64",
                "linux-modules-7.3.4+deb13-cloud-amd64",
                "linux-base-7.3.4+deb13-cloud-amd64",
                "linux-headers-7.3.4+deb13-cloud-amd64",
                "linux-headers-7.3.4+deb13-common",
                "linux-kbuild-7.3.4+deb13",
            ]
        );
        let gone: String = NEWER
            .lines()
            .filter(|l| !l.starts_with("linux-modules-7.3"))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(matches!(choose(&gone, series("7.3")), Err(KernelError::NotInArchive { .. })));
    }

    #[test]
    fn a_kernel_whose_headers_are_not_listed_is_whole_where_they_are_pinned() {
        assert!(matches!(choose(NEWER, series("6.18")), Err(KernelError::NotInArchive { .. })));
        let choice = choose(&with_pinned(NEWER.into()), series("6.18")).unwrap();
        assert_eq!(choice.release, "6.18.15+deb13-cloud-amd64");
        assert_eq!(choice.packages.len(), 4);
        assert!(choice.packages.iter().all(|package| pinned::pinned(package).is_some()));
        assert!(matches!(
            choose(&with_pinned(NEWER.into()), series("6.19")),
            Err(KernelError::NotInArchive { .. })
        ));
    }

    #[test]
    fn the_machines_own_kernel_of_a_series_comes_before_a_newer_one() {
        let found = newest_of_each(releases(LISTED), releases(&with_pinned(NEWER.into())));
        assert_eq!(
            found,
            [
                "7.3.4+deb13-cloud-amd64",
                "7.2.12+deb13-cloud-amd64",
                "6.18.15+deb13-cloud-amd64",
                "6.12.117+deb12-cloud-amd64",
            ]
        );
    }
}
