// SPDX-License-Identifier: GPL-2.0-only
//! Builds `readahead_ext.ko` for a kernel, when it is not built yet.

use crate::{Kernel, KernelError, Kernels, cache};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use xxhash_rust::xxh3::Xxh3;

/// In the build folder: what the module there was built from.
const BUILT_FROM: &str = ".built-from";
/// How the messages of kmod/build.sh begin.
const OURS: &str = "kmod: ";

impl Kernels {
    /// Build the module from the sources in `kmod` for `kernel`, in the folder
    /// `out` (made if need be; else empty or of an earlier build), by `make -C kmod`.
    /// Nothing is done when the sources and the kernel are those of the last build.
    /// Returns the path of `readahead_ext.ko`.
    ///
    /// # Errors
    /// When a tool of the build is missing, or with the compiler's words when the
    /// sources do not compile.
    pub fn build_module(
        &self,
        kernel: &Kernel,
        kmod: &Path,
        out: &Path,
    ) -> Result<PathBuf, KernelError> {
        let out = std::path::absolute(out).map_err(|e| KernelError::io("resolve", out, e))?;
        let built = out.join("readahead_ext.ko");
        let note = out.join(BUILT_FROM);
        let from = built_from(kernel, kmod)?;
        let fresh = || built.exists() && fs::read_to_string(&note).is_ok_and(|text| text == from);
        if fresh() {
            return Ok(built);
        }
        // The lock is beside the build folder, which has to begin empty.
        let _lock = cache::lock(out.parent().unwrap_or(&out))?;
        if fresh() {
            return Ok(built);
        }
        make(self, kernel, kmod, &out)?;
        fs::write(&note, from).map_err(|e| KernelError::io("write", &note, e))?;
        Ok(built)
    }
}

fn make(kernels: &Kernels, kernel: &Kernel, kmod: &Path, out: &Path) -> Result<(), KernelError> {
    let output = command(kernels, kernel, kmod, out)?
        .env("LC_ALL", "C")
        // Run from a Makefile, the options of that make are not for this one.
        .env_remove("MAKEFLAGS")
        .env_remove("MFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => KernelError::Tool { tool: "make", package: "make" },
            _ => KernelError::ToolFailed { tool: "make", detail: e.to_string() },
        })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(match stderr.lines().find_map(|line| line.strip_prefix(OURS)) {
        Some(detail) => KernelError::BuildLacks { detail: detail.to_owned() },
        None => {
            let output = stderr.trim_end().to_owned();
            KernelError::Build { release: kernel.release.clone(), output }
        }
    })
}

/// The build, on the machine or where the kernel's own tools run.
fn command(
    kernels: &Kernels,
    kernel: &Kernel,
    kmod: &Path,
    out: &Path,
) -> Result<Command, KernelError> {
    let assign = |name: &str, path: &Path| {
        let mut argument = OsString::from(name);
        argument.push(path);
        argument
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut words: Vec<OsString> = ["make", "--no-print-directory", "-s"].map(Into::into).into();
    words.push(format!("-j{jobs}").into());
    if kernel.untested {
        words.push("UNTESTED=1".into());
    }
    let building = format!("building the module for {}", kernel.release);
    let Some(environment) = &kernel.environment else {
        kernels.progress.step(&building);
        words.extend(["-C".into(), kmod.into()]);
        words.extend([assign("KDIR=", &kernel.headers), assign("O=", out)]);
        let mut command = Command::new("make");
        command.args(&words[1..]);
        return Ok(command);
    };
    fs::create_dir_all(out).map_err(|e| KernelError::io("make the folder", out, e))?;
    let kmod = std::path::absolute(kmod).map_err(|e| KernelError::io("resolve", kmod, e))?;
    words.extend(["-C".into(), kmod.clone().into()]);
    words.extend([assign("KDIR=", &kernel.headers), assign("O=", out)]);
    let command =
        environment.command(kernels, &kernel.release, &[&kmod, out, &kernel.store], words)?;
    kernels.progress.step(&building);
    Ok(command)
}

/// The files of a folder and of those in it.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, KernelError> {
    let (folders, mut files): (Vec<_>, Vec<_>) =
        cache::entries(folder)?.into_iter().partition(|path| path.is_dir());
    for folder in folders {
        files.extend(sources(&folder)?);
    }
    Ok(files)
}

/// The contents that the module depends on, as a number to compare. What only a
/// rebuilt kernel changes, Module.symvers and BTF, counts too.
fn built_from(kernel: &Kernel, kmod: &Path) -> Result<String, KernelError> {
    let mut files = sources(kmod)?;
    files.sort();
    files.push(kernel.headers.join("Module.symvers"));
    // The headers of the running kernel have none: kmod/build.sh takes what the kernel shows.
    let vmlinux = kernel.headers.join("vmlinux");
    files.push(if vmlinux.exists() { vmlinux } else { "/sys/kernel/btf/vmlinux".into() });
    let mut hasher = Xxh3::new();
    for path in &files {
        let content = fs::read(path).map_err(|e| KernelError::io("read", path, e))?;
        hasher.update(path.file_name().unwrap_or_default().as_bytes());
        hasher.update(&(content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    Ok(format!("{} {} {:016x}\n", kernel.release, kernel.headers.display(), hasher.digest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind, Lines, Silent};
    use std::cell::Cell;
    use std::rc::Rc;
    use tempfile::TempDir;

    /// A kernel as far as it matters here, and a Makefile for the module's.
    fn setting(recipe: &str) -> (TempDir, Kernel, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let kmod = dir.path().join("kmod");
        let headers = dir.path().join("headers");
        fs::create_dir(&kmod).unwrap();
        fs::create_dir(&headers).unwrap();
        for name in ["Module.symvers", "vmlinux"] {
            fs::write(headers.join(name), name).unwrap();
        }
        fs::write(kmod.join("Makefile"), format!("all:\n\t{recipe}\n")).unwrap();
        fs::write(kmod.join("main.c"), "int x;\n").unwrap();
        let kernel = Kernel {
            release: "6.12.1".into(),
            image: dir.path().join("vmlinuz"),
            modules_dir: dir.path().join("modules"),
            headers,
            store: dir.path().join("store"),
            untested: false,
            environment: None,
        };
        (dir, kernel, kmod)
    }

    fn silent(dir: &TempDir) -> Kernels {
        Kernels::new(dir.path(), Rc::new(Silent)).unwrap()
    }

    #[test]
    fn the_module_is_built_again_only_when_something_changed() {
        let (dir, kernel, kmod) = setting("mkdir -p $O && cat main.c > $O/readahead_ext.ko");
        let out = dir.path().join("build/6.12.1");
        let steps = Rc::new(Cell::new(0));
        let counted = steps.clone();
        let progress = Rc::new(Lines(move |_: &str| counted.set(counted.get() + 1)));
        let kernels = Kernels::new(dir.path(), progress).unwrap();
        let build = || {
            let path = kernels.build_module(&kernel, &kmod, &out).unwrap();
            fs::read_to_string(path).unwrap()
        };
        assert_eq!((build(), steps.get()), ("int x;\n".into(), 1));
        assert_eq!((build(), steps.get()), ("int x;\n".into(), 1));
        fs::write(kmod.join("main.c"), "int y;\n").unwrap();
        assert_eq!((build(), steps.get()), ("int y;\n".into(), 2));
        fs::write(kernel.headers.join("vmlinux"), "other").unwrap();
        build();
        fs::remove_file(out.join("readahead_ext.ko")).unwrap();
        assert_eq!((build(), steps.get()), ("int y;\n".into(), 4));
    }

    #[test]
    fn the_compilers_words_are_passed_on() {
        let (dir, kernel, kmod) = setting("@echo 'main.c:1: error: no' >&2; false");
        let error = silent(&dir).build_module(&kernel, &kmod, &dir.path().join("out")).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        let text = error.to_string();
        assert!(text.starts_with("the module does not build for 6.12.1:\nmain.c:1: error: no"));
    }

    #[test]
    fn what_the_build_lacks_is_the_environments_fault() {
        let (dir, kernel, kmod) = setting("@echo 'kmod: pahole is missing' >&2; false");
        let error = silent(&dir).build_module(&kernel, &kmod, &dir.path().join("out")).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert_eq!(error.to_string(), "the module cannot be built: pahole is missing");
    }
}
