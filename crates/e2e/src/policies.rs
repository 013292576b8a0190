// SPDX-License-Identifier: GPL-2.0-only
//! The policies and test programs: built once, read by each test.
//!
//! They lie in `build/e2e`, with a digest of all that they are made of.

use crate::{step, usual_kernel};
use raext_bpf::build::{Builder, KernelTypes, Toolchain};
use raext_kernel::Kernels;
use raext_model::Lines;
use raext_vm::Paths;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::OnceLock;
use xxhash_rust::xxh3::Xxh3;

/// Folders and files of the checkout that object files are made of.
const SOURCES: [&str; 8] = [
    "policies",
    "crates/policy",
    "crates/bpf/src/build",
    "include",
    "tests/accepted",
    "tests/foreign",
    "tests/refused",
    "Cargo.lock",
];

/// Where the object files lie.
struct Built(PathBuf);

/// A program that must be refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The source.
    pub source: PathBuf,
    /// The cause that must be found.
    pub cause: String,
    /// The object file.
    pub object: PathBuf,
}

/// The object file of a shipped policy.
///
/// # Panics
/// When it does not build.
pub fn shipped(name: &str) -> PathBuf {
    present(built().0.join(format!("shipped/{name}.bpf.o")))
}

/// The object file of a program of `tests/accepted`.
///
/// # Panics
/// When it does not build.
pub fn accepted(name: &str) -> PathBuf {
    present(built().0.join(format!("accepted/{name}.bpf.o")))
}

/// The object file of a program of another subsystem, of `tests/foreign`.
///
/// # Panics
/// When it does not build.
pub fn foreign(name: &str) -> PathBuf {
    present(built().0.join(format!("foreign/{name}.bpf.o")))
}

/// The programs of `tests/refused`.
///
/// # Panics
/// When one does not build, or names no cause.
pub fn refused() -> Vec<Refused> {
    let out = built().0.join("refused");
    let refused = |source: PathBuf| {
        let cause = field(&source, "// refused:");
        let cause = cause.unwrap_or_else(|| panic!("{} names no cause", source.display()));
        let name = source.file_stem().expect("a file").to_string_lossy().into_owned();
        let object = present(out.join(format!("{}.bpf.o", name.trim_end_matches(".bpf"))));
        Refused { source, cause, object }
    };
    let root = Paths::find().expect("the tests run in a checkout").root;
    c_files(&root.join("tests/refused")).into_iter().map(refused).collect()
}

/// Names of the shipped policies.
pub(crate) fn names() -> Vec<String> {
    let root = Paths::find().expect("the tests run in a checkout").root;
    let mut names: Vec<_> = entries(&root.join("policies"))
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Builds what is not built yet, or of other sources.
///
/// # Panics
/// When something does not build.
pub(crate) fn build_all() {
    built();
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let paths = Paths::find().expect("the tests run in a checkout");
        let out = paths.build.join("e2e");
        fs::create_dir_all(&out).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
        let lock = File::create(out.join(".lock")).expect("a lock");
        flock(&lock, FlockOperation::LockExclusive).expect("a lock");
        let (stamp, digest) = (out.join("stamp"), digest(&paths));
        if fs::read_to_string(&stamp).ok().as_ref() != Some(&digest) {
            build(&paths, &out);
            fs::write(&stamp, digest)
                .unwrap_or_else(|error| panic!("{}: {error}", stamp.display()));
        }
        Built(out)
    })
}

fn build(paths: &Paths, out: &Path) {
    let _ = fs::remove_file(out.join("stamp"));
    let builder = builder(paths);
    let checked = |source: &Path, into: &str| {
        let built = builder.build(source, &out.join(into));
        built.unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    };
    for name in names() {
        let dir = paths.root.join("policies").join(&name);
        let c_file = dir.join(format!("{name}.bpf.c"));
        checked(if c_file.is_file() { &c_file } else { &dir }, "shipped");
    }
    for source in c_files(&paths.root.join("tests/accepted")) {
        checked(&source, "accepted");
    }
    for folder in ["foreign", "refused"] {
        for source in c_files(&paths.root.join("tests").join(folder)) {
            step(&format!("compiling {}", source.display()));
            let flags = field(&source, "// flags:").unwrap_or_default();
            let flags: Vec<_> = flags.split_whitespace().chain(["-w"]).collect();
            let built = builder.build_unchecked(&source, &out.join(folder), &flags);
            built.unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        }
    }
}

/// A builder for the kernel that the tests run on.
pub(crate) fn builder(paths: &Paths) -> Builder {
    let cache = paths.cache();
    let types = move || {
        let choice = usual_kernel();
        let kernels = Kernels::new(&cache, Rc::new(Lines(step)))?;
        let kernel = kernels.provide(&choice.want, choice.untested)?;
        Ok(KernelTypes { btf: kernel.headers.join("vmlinux"), release: kernel.release })
    };
    Builder::new(&paths.root, &paths.build, Rc::new(Lines(step))).for_kernel(Rc::new(types))
}

/// Of the sources and of the tools.
fn digest(paths: &Paths) -> String {
    let mut digest = Xxh3::new();
    // The headers of `include` include the contract.
    for source in SOURCES.into_iter().chain(["kmod/readahead_ext_abi.h"]) {
        add(&mut digest, &paths.root.join(source));
    }
    let toolchain = Toolchain::find(&paths.build.join("tools"));
    digest.update(toolchain.map_or_else(|error| error.to_string(), |t| t.to_string()).as_bytes());
    for (program, argument) in
        [("rustc", "-vV"), ("clang-22", "--version"), ("bpf-linker", "--version")]
    {
        let output = Command::new(program).arg(argument).output();
        digest.update(&output.map(|output| output.stdout).unwrap_or_default());
    }
    format!("{:032x}", digest.digest128())
}

fn add(digest: &mut Xxh3, path: &Path) {
    digest.update(path.as_os_str().as_encoded_bytes());
    if path.is_dir() {
        // The policies' own target folders hold what cargo makes of them.
        for path in entries(path).iter().filter(|path| !path.ends_with("target")) {
            add(digest, path);
        }
    } else {
        digest.update(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn c_files(dir: &Path) -> Vec<PathBuf> {
    let is_c = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "c");
    entries(dir).into_iter().filter(is_c).collect()
}

/// What a source says of itself on a line that begins so.
fn field(source: &Path, begin: &str) -> Option<String> {
    let text = fs::read_to_string(source);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let line = text.lines().find_map(|line| line.strip_prefix(begin));
    line.map(|value| value.trim().to_owned())
}

fn present(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{}: no source makes it", path.display());
    path
}
