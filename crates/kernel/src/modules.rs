// SPDX-License-Identifier: GPL-2.0-only
//! Modules of a kernel, with what they depend on, ready for `init_module`.
//!
//! depmod runs when a kernel is installed, so an unpacked one has no
//! modules.dep: the dependencies are read from the modules themselves. What a
//! module asks for at run time (`request_module`, soft dependencies) is not
//! among them; name it.

use crate::{Kernel, KernelError, codec};
use object::{Object, ObjectSection};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Far above any module.
const MODULE_MAX: u64 = 1 << 30;
/// How modules' files end.
const SUFFIXES: [&str; 4] = ["", ".xz", ".zst", ".gz"];

/// Modules by name as decompressed ELF images, each after those that it
/// depends on, in an order in which they can be loaded. A name may be written
/// with `-` or `_`; those that are returned have `_`. What is built into the
/// kernel is left out.
///
/// # Errors
/// When the kernel has no such module, or its file cannot be read.
pub fn load_order(kernel: &Kernel, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>, KernelError> {
    let index = Index::read(&kernel.modules_dir)?;
    let mut order = Order { kernel, index, seen: HashSet::new(), modules: Vec::new() };
    for name in names {
        order.add(name)?;
    }
    Ok(order.modules)
}

/// Where each module is, and which need not be anywhere.
struct Index {
    files: HashMap<String, String>,
    built_in: HashSet<String>,
}

impl Index {
    fn read(dir: &Path) -> Result<Self, KernelError> {
        let lines = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|e| KernelError::io("read", &path, e))
        };
        let files =
            lines("modules.order")?.lines().map(|line| (name_of(line), line.to_owned())).collect();
        let built_in = lines("modules.builtin")?.lines().map(name_of).collect();
        Ok(Self { files, built_in })
    }
}

/// The module's name as the kernel has it, from its path or another spelling.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".ko").unwrap_or(file).replace('-', "_")
}

struct Order<'a> {
    kernel: &'a Kernel,
    index: Index,
    seen: HashSet<String>,
    modules: Vec<(String, Vec<u8>)>,
}

impl Order<'_> {
    fn add(&mut self, name: &str) -> Result<(), KernelError> {
        let name = name_of(name);
        if self.index.built_in.contains(&name) || !self.seen.insert(name.clone()) {
            return Ok(());
        }
        let Some(file) = self.index.files.get(&name) else {
            let release = self.kernel.release.clone();
            return Err(KernelError::NoSuchModule { name, release });
        };
        let (path, image) = load(self.kernel, file)?;
        for needed in depends(&path, &image)? {
            self.add(&needed)?;
        }
        self.modules.push((name, image));
        Ok(())
    }
}

/// Read a module, and keep it decompressed in the kernel's store.
fn load(kernel: &Kernel, file: &str) -> Result<(PathBuf, Vec<u8>), KernelError> {
    let plain = kernel.modules_dir.join(file);
    let (path, time) = SUFFIXES
        .into_iter()
        .find_map(|suffix| {
            let path = PathBuf::from(format!("{}{suffix}", plain.display()));
            let time = fs::metadata(&path).ok()?.modified().ok()?;
            Some((path, time))
        })
        .ok_or_else(|| KernelError::io("read", &plain, io::ErrorKind::NotFound.into()))?;
    let kept = kernel.store.join("modules").join(file);
    // The time shows whether the module was rebuilt since.
    if fs::metadata(&kept).and_then(|meta| meta.modified()).is_ok_and(|kept| kept == time)
        && let Ok(image) = fs::read(&kept)
    {
        return Ok((path, image));
    }
    let bytes = fs::read(&path).map_err(|e| KernelError::io("read", &path, e))?;
    let image = match codec::decompress(&bytes, MODULE_MAX) {
        None => return Ok((path, bytes)),
        Some(Ok(image)) => image,
        Some(Err(e)) => {
            let why = format!("it does not unpack: {e}");
            return Err(KernelError::BadModule { path, why });
        }
    };
    let keep = || {
        let dir = kept.parent().unwrap_or(&kernel.store);
        fs::create_dir_all(dir)?;
        let file = tempfile::NamedTempFile::new_in(dir)?;
        fs::write(file.path(), &image)?;
        file.as_file().set_modified(time)?;
        file.persist(&kept).map_err(|e| e.error)
    };
    keep().map_err(|e| KernelError::io("write", &kept, e))?;
    Ok((path, image))
}

/// The modules that a module names in its `.modinfo`.
fn depends(path: &Path, image: &[u8]) -> Result<Vec<String>, KernelError> {
    let bad = |why: String| KernelError::BadModule { path: path.to_owned(), why };
    let elf = object::File::parse(image).map_err(|e| bad(e.to_string()))?;
    let section =
        elf.section_by_name(".modinfo").ok_or_else(|| bad("it has no .modinfo".into()))?;
    let info = section.data().map_err(|e| bad(e.to_string()))?;
    Ok(info
        .split(|&b| b == 0)
        .filter_map(|entry| entry.strip_prefix(b"depends="))
        .flat_map(|list| list.split(|&b| b == b','))
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::{elf, gzip, xz, zstd};
    use std::time::{Duration, SystemTime};
    use tempfile::TempDir;

    /// A kernel with modules that need each other: a -> b-c -> d, e -> (built in).
    fn kernel() -> (TempDir, Kernel) {
        let dir = tempfile::tempdir().unwrap();
        let modules_dir = dir.path().join("modules");
        fs::create_dir_all(modules_dir.join("kernel/fs")).unwrap();
        let write =
            |name: &str, content: &[u8]| fs::write(modules_dir.join(name), content).unwrap();
        write("modules.order", b"kernel/fs/a.ko\nkernel/fs/b-c.ko\nkernel/d.ko\nkernel/e.ko\n");
        write("modules.builtin", b"kernel/lib/crc32c-generic.ko\n");
        let module = |info: &[u8]| elf(".modinfo", info);
        write("kernel/fs/a.ko.xz", &xz(&module(b"name=a\0depends=b-c,d\0")));
        write("kernel/fs/b-c.ko.zst", &zstd(&module(b"depends=d\0name=b_c\0")));
        write("kernel/d.ko", &module(b"depends=\0name=d\0"));
        write("kernel/e.ko.gz", &gzip(&module(b"depends=crc32c_generic\0")));
        let kernel = Kernel {
            release: "6.12.1".into(),
            image: dir.path().join("vmlinuz"),
            modules_dir,
            headers: dir.path().join("headers"),
            store: dir.path().join("store"),
            untested: false,
            environment: None,
        };
        (dir, kernel)
    }

    fn names(kernel: &Kernel, wanted: &[&str]) -> Vec<String> {
        load_order(kernel, wanted).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn dependencies_come_first_and_once() {
        let (_dir, kernel) = kernel();
        assert_eq!(names(&kernel, &["a", "b_c", "d", "a"]), ["d", "b_c", "a"]);
        assert_eq!(names(&kernel, &["e", "b-c"]), ["e", "d", "b_c"]);
    }

    #[test]
    fn what_is_built_in_is_left_out() {
        let (_dir, kernel) = kernel();
        assert!(names(&kernel, &["crc32c-generic", "crc32c_generic"]).is_empty());
    }

    #[test]
    fn images_are_decompressed_also_from_the_cache() {
        let (_dir, kernel) = kernel();
        let first = load_order(&kernel, &["a"]).unwrap();
        assert!(first.iter().all(|(_, image)| image.starts_with(b"\x7fELF")));
        assert!(kernel.store.join("modules/kernel/fs/a.ko").exists());
        assert_eq!(load_order(&kernel, &["a"]).unwrap(), first);
    }

    #[test]
    fn a_module_that_was_rebuilt_is_read_again() {
        let (_dir, kernel) = kernel();
        load_order(&kernel, &["a"]).unwrap();
        let path = kernel.modules_dir.join("kernel/fs/a.ko.xz");
        let rebuilt = elf(".modinfo", b"depends=\0version=2\0");
        fs::write(&path, xz(&rebuilt)).unwrap();
        let older = SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(older).unwrap();
        assert_eq!(load_order(&kernel, &["a"]).unwrap(), [("a".to_owned(), rebuilt)]);
    }

    #[test]
    fn an_unknown_module_and_a_broken_one_are_told_apart() {
        let (_dir, kernel) = kernel();
        let unknown = load_order(&kernel, &["nvme"]).unwrap_err();
        assert_eq!(unknown.to_string(), "kernel 6.12.1 has no module nvme, nor is it built in");
        for broken in [&b""[..], b"text", &xz(b"text"), &xz(&elf(".modinfo", b"x"))[..40]] {
            fs::write(kernel.modules_dir.join("kernel/fs/a.ko.xz"), broken).unwrap();
            let error = load_order(&kernel, &["a"]).unwrap_err();
            assert!(matches!(error, KernelError::BadModule { .. }), "{error}");
        }
        fs::remove_file(kernel.modules_dir.join("kernel/fs/a.ko.xz")).unwrap();
        assert!(matches!(load_order(&kernel, &["a"]), Err(KernelError::Io { .. })));
    }
}
