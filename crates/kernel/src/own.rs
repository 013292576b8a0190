// SPDX-License-Identifier: GPL-2.0-only
//! A kernel of the user's own: the image is given, the rest is looked for.

use crate::environment::Environment;
use crate::headers::{self, release_of};
use crate::tested::is_tested;
use crate::{Kernel, KernelError, Kernels, release_of_image};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

pub(crate) fn beside(kernels: &Kernels, image: &Path) -> Result<Kernel, KernelError> {
    let release = release_of_image(image)?;
    let image =
        fs::canonicalize(image).map_err(|e| KernelError::not_a_kernel(image, e.to_string()))?;
    let root = root_of(&image, &release);
    let modules_dir = find(
        ("modules", "linux-image"),
        &release,
        [root.join("lib/modules"), root.join("usr/lib/modules"), "/lib/modules".into()]
            .map(|dir| dir.join(&release))
            .into(),
        |dir| dir.join("modules.order").exists(),
    )?;
    let installed = Path::new("/usr/src").join(format!("linux-headers-{release}"));
    let unpacked = root.join("usr/src").join(format!("linux-headers-{release}"));
    let found = find(
        ("headers", "linux-headers"),
        &release,
        vec![unpacked, modules_dir.join("build"), installed],
        |dir| release_of(dir).as_deref() == Some(&release),
    )?;
    // Two kernels of one release may differ.
    let mut hasher = Xxh3::new();
    for path in [&image, &modules_dir] {
        hasher.update(path.as_os_str().as_bytes());
        // The one byte that no path has.
        hasher.update(&[0]);
    }
    let store = kernels.cache.join("own").join(format!("{release}-{:08x}", hasher.digest() as u32));
    let headers = headers::usable(&found, &release, &image, &store, &*kernels.progress)?;
    Ok(Kernel {
        untested: !is_tested(&release),
        environment: Environment::of(root, &kernels.cache)?,
        release,
        image,
        modules_dir,
        headers,
        store,
    })
}

/// The tree that an image lies in: in its `boot/`, or beside its modules, in
/// `lib/modules/<release>/` or the same in `usr/`.
fn root_of<'a>(image: &'a Path, release: &str) -> &'a Path {
    let dir = image.parent().unwrap_or(Path::new("/"));
    let lib =
        dir.ancestors().nth(2).filter(|_| dir.ends_with(Path::new("lib/modules").join(release)));
    let root = match lib {
        Some(lib) => lib.parent().map(|root| match root.ends_with("usr") {
            true => root.parent().unwrap_or(root),
            false => root,
        }),
        None => dir.parent(),
    };
    root.unwrap_or(Path::new("/"))
}

/// The first place where a part of the kernel is, which has a name and a package.
pub(crate) fn find(
    (what, package): (&'static str, &str),
    release: &str,
    mut looked: Vec<PathBuf>,
    is_there: impl Fn(&Path) -> bool,
) -> Result<PathBuf, KernelError> {
    looked.dedup();
    if let Some(found) = looked.iter().find(|place| is_there(place)) {
        return Ok(found.clone());
    }
    let package = format!("{package}-{release}");
    Err(KernelError::NotBeside { what, release: release.to_owned(), looked, package })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Want;
    use crate::image::tests::{bzimage, elf, gzip};
    use raext_model::{Classified as _, Kind, Silent};
    use std::rc::Rc;
    use tempfile::TempDir;

    /// Not of any machine, so that nothing of the machine's own is found.
    const RELEASE: &str = "6.12.0-raext-test";

    fn tree(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &[u8]| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        let vmlinux = elf(".BTF", b"\x9f\xeb\x01\0");
        write("boot/vmlinuz", &bzimage(RELEASE, &gzip(&vmlinux), vmlinux.len()));
        for file in files {
            write(file, RELEASE.as_bytes());
        }
        dir
    }

    fn ask(root: &Path) -> Result<Kernel, KernelError> {
        let kernels = Kernels::new(&root.join("cache"), Rc::new(Silent))?;
        kernels.provide(&Want::Image(root.join("boot/vmlinuz")), false)
    }

    const MODULES: &str = "lib/modules/6.12.0-raext-test/modules.order";
    const HEADERS: [&str; 4] = [
        "usr/src/linux-headers-6.12.0-raext-test/include/config/kernel.release",
        "usr/src/linux-headers-6.12.0-raext-test/scripts/Makefile.modfinal",
        "usr/src/linux-headers-6.12.0-raext-test/Makefile",
        "usr/src/linux-headers-6.12.0-raext-test/vmlinux",
    ];

    #[test]
    fn the_parts_are_found_in_the_tree_of_the_image() {
        let dir = tree(&[&[MODULES][..], &HEADERS].concat());
        let root = dir.path().canonicalize().unwrap();
        let kernel = ask(&root).unwrap();
        assert_eq!(kernel.release, RELEASE);
        assert_eq!(kernel.image, root.join("boot/vmlinuz"));
        assert_eq!(kernel.modules_dir, root.join("lib/modules/6.12.0-raext-test"));
        assert_eq!(kernel.headers, root.join("usr/src/linux-headers-6.12.0-raext-test"));
        assert!(kernel.store.starts_with(root.join("cache")));
    }

    #[test]
    fn headers_of_another_release_are_not_taken() {
        let dir = tree(&[&[MODULES][..], &HEADERS].concat());
        fs::write(dir.path().join(HEADERS[0]), "6.12.1\n").unwrap();
        let error = ask(dir.path()).unwrap_err().to_string();
        assert!(error.starts_with("no headers of kernel 6.12.0-raext-test: looked in "), "{error}");
        assert!(error.ends_with("install the package linux-headers-6.12.0-raext-test"), "{error}");
    }

    #[test]
    fn missing_modules_are_said_to_be_missing_with_the_places() {
        let dir = tree(&HEADERS);
        let error = ask(dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        let text = error.to_string();
        assert!(text.contains("/lib/modules/6.12.0-raext-test, /"), "{text}");
        assert!(text.contains("install the package linux-image-"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_kernel_is_refused() {
        let dir = tree(&[]);
        fs::write(dir.path().join("boot/vmlinuz"), "text").unwrap();
        assert_eq!(ask(dir.path()).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn the_tree_of_an_image_is_known_by_its_place() {
        for (image, root) in [
            ("/a/boot/vmlinuz-1", "/a"),
            ("/boot/vmlinuz-1", "/"),
            ("/a/lib/modules/1/vmlinuz", "/a"),
            ("/a/usr/lib/modules/1/vmlinuz", "/a"),
            ("/usr/lib/modules/1/vmlinuz", "/"),
            ("/a/modules/2/vmlinuz", "/a/modules"),
        ] {
            assert_eq!(root_of(Path::new(image), "1"), Path::new(root), "{image}");
        }
    }
}
