// SPDX-License-Identifier: GPL-2.0-only
//! The real thing: a kernel out of the package archive. Needs apt's lists and,
//! the first time, the network.

use object::{Object, ObjectSection};
use raext_e2e::{cases, step};
use raext_kernel::{
    Kernel, Kernels, Packages, TESTED, Want, carve_btf, load_order, release_of_image,
};
use raext_model::{Classified as _, Kind, Lines};
use raext_vm::Paths;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

cases! {
    the_kernel_is_whole_and_the_second_time_at_once,
    the_same_kernel_is_found_by_its_image,
    the_carved_btf_is_the_kernels,
    modules_come_after_what_they_need,
    the_module_builds_with_the_types_of_the_contract,
    newer_kernels_are_whole_and_the_module_builds_for_them,
    what_is_in_the_cache_is_listed_with_what_could_be,
    programs_come_with_what_they_depend_on_or_not_at_all,
}

fn cache() -> PathBuf {
    Paths::find().unwrap().cache()
}

/// The kernels of a cache.
fn kernels(cache: &Path) -> Kernels {
    Kernels::new(cache, Rc::new(Lines(step))).unwrap()
}

fn kernel() -> Kernel {
    kernel_of("6.12")
}

fn kernel_of(series: &str) -> Kernel {
    let want = Want::NewestOf(series.parse().unwrap());
    kernels(&cache()).provide(&want, false).unwrap()
}

/// The `.BTF` section of an ELF file; the bytes themselves if they are BTF.
fn btf_of(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if bytes.starts_with(b"\x9f\xeb") {
        return bytes;
    }
    let elf = object::File::parse(&*bytes).unwrap();
    elf.section_by_name(".BTF").expect("a .BTF section").data().unwrap().to_vec()
}

fn the_kernel_is_whole_and_the_second_time_at_once() {
    let first = kernel();
    assert!(first.release.starts_with("6.12."), "{}", first.release);
    assert_eq!(release_of_image(&first.image).unwrap(), first.release);
    assert!(first.modules_dir.join("modules.order").exists());
    assert!(first.headers.join("scripts/Makefile.modfinal").exists());
    let no_step = Lines(|step: &str| panic!("{step}: it is in the cache"));
    let kernels = Kernels::new(&cache(), Rc::new(no_step)).unwrap();
    let want = Want::NewestOf("6.12".parse().unwrap());
    let start = Instant::now();
    let second = kernels.provide(&want, false).unwrap();
    let took = start.elapsed();
    assert_eq!(first, second);
    assert!(took < Duration::from_millis(50), "{took:?}");
}

fn the_same_kernel_is_found_by_its_image() {
    let kernel = kernel();
    let scratch = tempfile::tempdir().unwrap();
    let want = Want::Image(kernel.image.clone());
    let own = kernels(scratch.path()).provide(&want, false).unwrap();
    assert_eq!(own.release, kernel.release);
    assert_eq!(own.modules_dir, kernel.modules_dir.canonicalize().unwrap());
    assert_eq!(btf_of(&own.headers.join("vmlinux")), btf_of(&kernel.headers.join("vmlinux")));
}

fn the_carved_btf_is_the_kernels() {
    let kernel = kernel();
    let btf = carve_btf(&kernel.image).unwrap();
    assert!(btf.starts_with(b"\x9f\xeb\x01"));
    assert!(btf.len() > 1 << 20, "{}", btf.len());
    // Where the headers ship theirs, this compares two sources.
    assert!(btf == btf_of(&kernel.headers.join("vmlinux")));
}

fn modules_come_after_what_they_need() {
    let kernel = kernel();
    let modules = load_order(&kernel, &["xfs", "null_blk", "virtio_blk"]).unwrap();
    let place = |name: &str| modules.iter().position(|(found, _)| found == name).expect(name);
    assert!(place("libcrc32c") < place("xfs"));
    assert!(place("configfs") < place("null_blk"));
    place("virtio_blk");
    let names: HashSet<_> = modules.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), modules.len());
    for (name, image) in &modules {
        let elf = object::File::parse(&**image).unwrap();
        assert!(elf.section_by_name(".modinfo").is_some(), "{name}");
    }
    let start = Instant::now();
    assert!(load_order(&kernel, &["xfs", "null_blk", "virtio_blk"]).unwrap() == modules);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

fn the_module_builds_with_the_types_of_the_contract() {
    let kernel = kernel();
    let (_scratch, module) = builds(&kernel);
    let output = Command::new("pahole")
        .args(["-F", "btf", "-C", "bpf_fs_readahead_ops", "--btf_base"])
        .args([&kernel.headers.join("vmlinux"), &module])
        .output()
        .unwrap();
    let types = String::from_utf8(output.stdout).unwrap();
    assert!(types.contains("(*get_max_ra)(struct bpf_fs_readahead_state *)"), "{types}");
}

/// The newer kernels are packed in two ways, and are built for with other tools
/// than the machine's.
fn newer_kernels_are_whole_and_the_module_builds_for_them() {
    for series in ["6.18", "7.3"] {
        let kernel = kernel_of(series);
        assert!(kernel.release.starts_with(&format!("{series}.")), "{}", kernel.release);
        assert!(!kernel.untested);
        assert_eq!(release_of_image(&kernel.image).unwrap(), kernel.release);
        assert!(carve_btf(&kernel.image).unwrap() == btf_of(&kernel.headers.join("vmlinux")));
        let modules = load_order(&kernel, &["xfs", "null_blk"]).unwrap();
        assert!(modules.iter().any(|(name, _)| name == "xfs"));
        builds(&kernel);

        // By its image it is the same kernel, with the same tools.
        let scratch = tempfile::tempdir().unwrap();
        let want = Want::Image(kernel.image.clone());
        let own = kernels(scratch.path()).provide(&want, false).unwrap();
        assert_eq!(own.modules_dir, kernel.modules_dir.canonicalize().unwrap());
        assert_eq!(own.release, kernel.release);
    }
}

fn what_is_in_the_cache_is_listed_with_what_could_be() {
    let kernel = kernel_of("6.18");
    let found = kernels(&cache()).survey();
    assert!(found.trouble.is_none(), "{:?}", found.trouble);
    assert_eq!(found.series.iter().filter(|known| known.tested.is_some()).count(), TESTED.len());
    for known in found.series.iter().filter(|known| known.tested.is_some()) {
        assert!(known.archive.is_some(), "the archive has nothing of {known:?}");
    }
    assert!(found.series.iter().any(|known| known.cached.contains(&kernel.release)));
}

/// See that the module comes out with BTF that names the contract, and that
/// nothing is done twice. Returns its folder and the module.
fn builds(kernel: &Kernel) -> (TempDir, PathBuf) {
    let kmod = Paths::find().unwrap().root.join("kmod");
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let before = fs::read_dir(&kmod).unwrap().count();
    let module = kernels(scratch.path()).build_module(kernel, &kmod, &out).unwrap();
    assert_eq!(fs::read_dir(&kmod).unwrap().count(), before);
    let types = btf_of(&module);
    for name in ["\0bpf_struct_ops_bpf_fs_readahead_ops\0", "\0get_max_ra\0"] {
        assert!(types.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name:?}");
    }
    let no_step = Rc::new(Lines(|step: &str| panic!("{step}: it is built")));
    let again = Kernels::new(scratch.path(), no_step).unwrap();
    assert_eq!(again.build_module(kernel, &kmod, &out).unwrap(), module);
    (scratch, module)
}

fn programs_come_with_what_they_depend_on_or_not_at_all() {
    let own = tempfile::tempdir().unwrap();
    let finish = |_: &Path| Ok(());
    let archive = Packages::new(own.path(), Rc::new(Lines(step))).unwrap();
    let get = |name: &str, packages: &[&str]| archive.provide(name, packages, &finish);
    let error = get("none", &["dash", "no-such-package"]).unwrap_err();
    assert_eq!(error.kind(), Kind::Environment);
    assert!(error.to_string().contains("no-such-package"), "{error}");
    assert!(!own.path().join("software/none").exists());

    let dash = get("dash", &["dash"]).unwrap();
    assert!(dash.version("dash").is_some() && dash.version("libc6").is_some(), "{dash:?}");
    // A merged /usr, in which the loader is found by its usual path.
    assert!(dash.path.join("lib64/ld-linux-x86-64.so.2").symlink_metadata().is_ok());
    assert!(dash.path.join("lib").is_symlink() && dash.path.join("usr/bin/dash").is_file());
    let no_step = Rc::new(Lines(|step: &str| panic!("{step}: it is there")));
    let again = Packages::new(own.path(), no_step).unwrap();
    assert_eq!(again.provide("dash", &["dash"], &finish).unwrap(), dash);
}
