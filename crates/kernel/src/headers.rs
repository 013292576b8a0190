// SPDX-License-Identifier: GPL-2.0-only
//! Headers that a module can be built against where they lie.
//!
//! Debian's name each other by absolute path (`/usr/src/…`), which is wrong once
//! they are unpacked elsewhere, and may lack the `vmlinux` whose BTF that of a
//! module is based on. Either is cured in a shadow: a folder of links to what
//! is there, with our own files where theirs do not do. The headers themselves,
//! which may be installed, stay as they are.

use crate::KernelError;
use crate::cache;
use crate::image::carve_btf;
use raext_model::Progress;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The file in the shadow that names its sources.
const MADE_OF: &str = ".made-of";

/// Where the kernel's release is written in its headers.
pub(crate) fn release_of(headers: &Path) -> Option<String> {
    let text = fs::read_to_string(headers.join("include/config/kernel.release")).ok()?;
    Some(text.trim().to_owned())
}

/// Headers of the kernel `release` that can be used in place: `headers`
/// themselves, or a shadow of them in `store`.
pub(crate) fn usable(
    headers: &Path,
    release: &str,
    image: &Path,
    store: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, KernelError> {
    let lacks = |what: &str, package: String| KernelError::Headers {
        path: headers.to_owned(),
        what: what.to_owned(),
        package,
    };
    if release_of(headers).as_deref() != Some(release) {
        let what = format!("the configuration of {release} (include/config/kernel.release)");
        return Err(lacks(&what, format!("linux-headers-{release}")));
    }
    let base = release.strip_suffix("-cloud-amd64").or_else(|| release.strip_suffix("-amd64"));
    if !headers.join("scripts/Makefile.modfinal").exists() {
        let package = format!("linux-kbuild-{}", base.unwrap_or(release));
        return Err(lacks("the build tools (scripts/)", package));
    }
    let makefile = headers.join("Makefile");
    let text = fs::read_to_string(&makefile).map_err(|e| KernelError::io("read", &makefile, e))?;
    let moved = match included(&text).map(|named| (named, where_it_is(headers, named))) {
        None => None,
        Some((named, Some(found))) => (named != found).then_some(found),
        Some((named, None)) => {
            let package = format!("linux-headers-{}-common", base.unwrap_or(release));
            return Err(lacks(&format!("{}, which they include", named.display()), package));
        }
    };
    let carve = !headers.join("vmlinux").exists();
    if moved.is_none() && !carve {
        return Ok(headers.to_owned());
    }
    let shadow = store.join("headers");
    let made_of = made_of(headers, moved.as_deref(), carve.then_some(image));
    let fresh = || fs::read_to_string(shadow.join(MADE_OF)).is_ok_and(|text| text == made_of);
    if fresh() {
        return Ok(shadow);
    }
    let lock = cache::lock(store)?;
    if fresh() {
        return Ok(shadow);
    }
    let made = cache::begin(store)?;
    link_all(headers, made.path()).map_err(|e| KernelError::io("link", headers, e))?;
    let write = |name: &str, content: &[u8]| {
        let path = made.path().join(name);
        fs::write(&path, content).map_err(|e| KernelError::io("write", &path, e))
    };
    match moved {
        Some(common) => write("Makefile", makefile_of(&shadow, &common, &text).as_bytes())?,
        None => write("Makefile", text.as_bytes())?,
    }
    if carve {
        progress.step(&format!("carving the BTF out of {}", image.display()));
        write("vmlinux", &carve_btf(image)?)?;
    }
    write(MADE_OF, made_of.as_bytes())?;
    cache::finish(made, &shadow)?;
    drop(lock);
    Ok(shadow)
}

/// The line that the headers' Makefile has before it includes another, since 6.13:
/// where it lies itself.
const OUTPUT: &str = "KBUILD_OUTPUT=";

/// The Makefile that the headers' own does nothing but include.
fn included(makefile: &str) -> Option<&Path> {
    let mut lines = makefile
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(OUTPUT));
    let path = lines.next()?.strip_prefix("include ")?.trim();
    (lines.next().is_none() && path.starts_with('/')).then_some(Path::new(path))
}

/// The Makefile of a shadow: that of the headers with other places in it.
fn makefile_of(shadow: &Path, common: &Path, theirs: &str) -> String {
    let output = match theirs.lines().any(|line| line.starts_with(OUTPUT)) {
        true => format!("{OUTPUT}{}\n", shadow.display()),
        false => String::new(),
    };
    format!("{output}include {}\n", common.display())
}

/// Where an included Makefile is: beside the headers, in a folder of the same
/// name, else where it is said to be.
fn where_it_is(headers: &Path, named: &Path) -> Option<PathBuf> {
    let folder = named.parent()?.file_name()?;
    let beside = fs::canonicalize(headers).ok()?.parent()?.join(folder).join(named.file_name()?);
    [beside, named.to_owned()].into_iter().find(|path| path.exists())
}

/// All that a shadow depends on, as text to compare.
fn made_of(headers: &Path, moved: Option<&Path>, carved: Option<&Path>) -> String {
    let mut text = format!("{}\n", headers.display());
    if let Some(common) = moved {
        text += &format!("{}\n", common.display());
    }
    if let Some(image) = carved {
        let changed = fs::metadata(image)
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_nanos());
        text += &format!("{} {changed}\n", image.display());
    }
    text
}

/// Link to all in `from` but what the shadow has of its own.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let own = name == "Makefile" || (name == "vmlinux" && !entry.path().exists());
        if !own {
            symlink(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::{bzimage, elf, gzip};
    use raext_model::{Classified as _, Kind};
    use tempfile::TempDir;

    const RELEASE: &str = "6.12.1+deb12-cloud-amd64";
    const BTF: &[u8] = b"\x9f\xeb\x01\0 and some types";

    /// An unpacked kernel, as far as is looked at here.
    fn tree() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &[u8]| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("h/include/config/kernel.release", format!("{RELEASE}\n").as_bytes());
        write("h/Makefile", b"include /usr/src/no-such-headers-common/Makefile\n");
        write("h/scripts/Makefile.modfinal", b"");
        write("h/.config", b"CONFIG_X=y\n");
        write("no-such-headers-common/Makefile", b"");
        let vmlinux = elf(".BTF", BTF);
        write("vmlinuz", &bzimage(RELEASE, &gzip(&vmlinux), vmlinux.len()));
        dir
    }

    fn shadow_of(root: &Path) -> Result<PathBuf, KernelError> {
        let (headers, store) = (root.join("h"), root.join("store"));
        usable(&headers, RELEASE, &root.join("vmlinuz"), &store, &raext_model::Silent)
    }

    #[test]
    fn moved_headers_get_a_shadow_that_knows_where_they_are() {
        let dir = tree();
        let shadow = shadow_of(dir.path()).unwrap();
        assert_eq!(shadow, dir.path().join("store/headers"));
        let makefile = fs::read_to_string(shadow.join("Makefile")).unwrap();
        let common = dir.path().canonicalize().unwrap().join("no-such-headers-common/Makefile");
        assert_eq!(makefile, format!("include {}\n", common.display()));
        assert_eq!(fs::read(shadow.join("vmlinux")).unwrap(), BTF);
        assert_eq!(fs::read(shadow.join(".config")).unwrap(), b"CONFIG_X=y\n");
        assert_eq!(release_of(&shadow).as_deref(), Some(RELEASE));
    }

    #[test]
    fn a_shadow_knows_where_it_is_itself_if_the_headers_do() {
        let dir = tree();
        let include = "include /usr/src/no-such-headers-common/Makefile\n";
        let theirs = format!("KBUILD_OUTPUT=/usr/src/h\n{include}");
        fs::write(dir.path().join("h/Makefile"), theirs).unwrap();
        let shadow = shadow_of(dir.path()).unwrap();
        let makefile = fs::read_to_string(shadow.join("Makefile")).unwrap();
        let output = format!("KBUILD_OUTPUT={}/store/headers\ninclude /", dir.path().display());
        assert!(makefile.starts_with(&output), "{makefile}");
        assert!(makefile.ends_with("/no-such-headers-common/Makefile\n"), "{makefile}");
    }

    #[test]
    fn a_shadow_is_kept_until_what_it_was_made_of_changes() {
        let dir = tree();
        let shadow = shadow_of(dir.path()).unwrap();
        let mark = shadow.join("mark");
        fs::write(&mark, "").unwrap();
        shadow_of(dir.path()).unwrap();
        assert!(mark.exists());
        fs::write(dir.path().join("h/vmlinux"), "theirs").unwrap();
        shadow_of(dir.path()).unwrap();
        assert!(!mark.exists());
        assert_eq!(fs::read(shadow.join("vmlinux")).unwrap(), b"theirs");
    }

    #[test]
    fn headers_that_lack_nothing_are_used_as_they_are() {
        let dir = tree();
        fs::write(dir.path().join("h/vmlinux"), "theirs").unwrap();
        fs::write(dir.path().join("h/Makefile"), "VERSION = 6\n").unwrap();
        assert_eq!(shadow_of(dir.path()).unwrap(), dir.path().join("h"));
        assert!(!dir.path().join("store").exists());
    }

    #[test]
    fn what_headers_lack_is_named_with_its_package() {
        for (gone, package) in [
            ("h/include/config/kernel.release", "linux-headers-6.12.1+deb12-cloud-amd64"),
            ("h/scripts/Makefile.modfinal", "linux-kbuild-6.12.1+deb12"),
            ("no-such-headers-common/Makefile", "linux-headers-6.12.1+deb12-common"),
        ] {
            let dir = tree();
            fs::remove_file(dir.path().join(gone)).unwrap();
            let error = shadow_of(dir.path()).unwrap_err();
            assert_eq!(error.kind(), Kind::Environment);
            assert!(error.to_string().ends_with(&format!("package {package}")), "{error}");
        }
    }
}
