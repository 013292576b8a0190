// SPDX-License-Identifier: GPL-2.0-only
//! The command as a user has it: what it says to wrong input and in a wrong
//! environment, and with which status it ends.

use raext_e2e::{boot, cases, guest_path, raext as raext_in_guest, stop_clean};
use raext_vm::Paths;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

cases! {
    files_that_are_no_policy_are_refused_with_their_reason,
    names_and_tunables_that_do_not_exist_are_answered_with_those_that_do,
    usage_errors_end_with_2,
    a_source_that_does_not_compile_is_shown_with_the_compiler_s_words,
    the_compiler_s_warnings_are_passed_on,
    a_policy_that_may_panic_is_told_how_not_to,
    without_qemu_the_package_is_named,
    an_archive_without_the_kernel_is_said_to_be_one,
    a_kernel_that_is_none_is_refused,
    an_agent_that_was_not_built_is_missed,
    without_the_module_the_kernel_is_asked_for_nothing,
    help_man_page_and_completions_come_from_one_source,
    a_list_of_what_a_bench_would_measure_changes_nothing,
}

fn raext() -> Command {
    let paths = Paths::find().unwrap();
    let program = paths.build.join("bin/raext");
    assert!(program.is_file(), "{} is not built: run `make build`", program.display());
    let mut command = Command::new(program);
    command.current_dir(paths.root);
    command
}

/// Status and everything that was said.
fn said(output: &Output) -> (i32, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

fn run(arguments: &[&str]) -> (i32, String) {
    said(&raext().args(arguments).output().unwrap())
}

fn wide() -> PathBuf {
    raext_e2e::shipped("wide")
}

fn files_that_are_no_policy_are_refused_with_their_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    };
    let object = fs::read(wide()).unwrap();
    let this_program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let cases = [
        (file("empty.o", b""), "is empty"),
        (file("text.o", b"hello, kernel"), "no ELF"),
        (file("half.o", &object[..object.len() / 2]), "truncated"),
        (file("header.o", &object[..20]), "truncated"),
        (file("x86.o", &this_program), "not for BPF"),
        (dir.path().to_string_lossy().into_owned(), "is a directory"),
        (dir.path().join("none.o").to_string_lossy().into_owned(), "no such file"),
    ];
    for (path, reason) in cases {
        let (status, said) = run(&["check", &path]);
        assert_eq!(status, 1, "{path}: {said}");
        assert!(said.contains(reason) && said.contains(&path), "{path}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "more than one line: {said}");
    }
}

fn names_and_tunables_that_do_not_exist_are_answered_with_those_that_do() {
    let (status, said) = run(&["check", "wider"]);
    assert!(status == 1 && said.contains("wide") && said.contains("lean"), "{status} {said}");
    let (status, said) = run(&["check", "wide", "--set", "limit=1"]);
    assert!(status == 1 && said.contains("limit_kb=4096"), "{status} {said}");
    let (status, said) = run(&["check", "wide", "--set", "limit_kb=much"]);
    assert!(status == 1 && said.contains("much"), "{status} {said}");
    let (status, said) = run(&["check", "wide", "--set", "limit_kb=1"]);
    assert!(status == 1 && said.contains("4 to 65536"), "{status} {said}");
    let (status, said) = run(&["policies"]);
    assert!(status == 0 && said.contains("noop-c") && said.contains("limit_kb=4096"), "{said}");
}

fn usage_errors_end_with_2() {
    for arguments in [
        &["compare", "--device", "floppy"][..],
        &["compare", "--workload", "sideways"],
        &["compare", "--repeat", "0"],
        &["compare", "--policy", "wide", "--policy", "wide"],
        &["check", "wide", "--set", "limit_kb"],
        &["check", "wide", "--host", "--kernel", "x"],
        &["detach"],
        &["frobnicate"],
        &["build", "/dev/null"],
    ] {
        let (status, said) = run(arguments);
        assert_eq!(status, 2, "{arguments:?}: {said}");
    }
}

fn a_source_that_does_not_compile_is_shown_with_the_compiler_s_words() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("typo.bpf.c");
    fs::write(&source, "#include \"readahead_ext.bpf.h\"\nint x = y;\n").unwrap();
    let (status, said) = run(&["check", &source.to_string_lossy()]);
    assert!(status == 1 && said.contains("typo.bpf.c:2"), "{status} {said}");
}

fn the_compiler_s_warnings_are_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("careless.bpf.c");
    let code = r#"#include "readahead_ext.bpf.h"
SEC("struct_ops/get_max_ra")
int RAEXT_CALLBACK(limit, struct bpf_fs_readahead_state *s)
{
	int forgotten;

	return s->ra_pages;
}
RAEXT_POLICY(careless) = { .get_max_ra = (void *)limit, .name = "careless" };
"#;
    fs::write(&source, code).unwrap();
    let object = dir.path().join("out.bpf.o");
    let (source, object) = (source.to_string_lossy(), object.to_string_lossy());
    let (status, said) = run(&["build", &source, "--output", &object]);
    assert!(status == 0 && said.contains("unused variable 'forgotten'"), "{status} {said}");
    assert!(fs::metadata(&*object).unwrap().len() > 0);
}

fn a_policy_that_may_panic_is_told_how_not_to() {
    let paths = Paths::find().unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"hasty\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nraext-policy = {{ path = \"{}\" }}\n",
        paths.root.join("crates/policy").display()
    );
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    let code = r#"#![no_std]
use raext_policy::prelude::*;
policy! { name: "hasty", get_max_ra: limit }
fn limit(s: &State) -> Limit {
    Limit::Pages([1, 2, 4, 8, 16, 32][s.size() as usize])
}
"#;
    fs::write(dir.path().join("src/lib.rs"), code).unwrap();
    let (status, said) = run(&["build", &dir.path().to_string_lossy()]);
    assert!(status == 1 && said.contains("may panic (panic_bounds_check)"), "{status} {said}");
    assert!(said.contains("get(i)"), "{said}");
}

/// A folder with links to some programs, as the only one in PATH.
fn only(programs: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for program in programs {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|d| d.join(program))
            .find(|path| path.is_file())
            .unwrap_or_else(|| panic!("no {program} in PATH"));
        std::os::unix::fs::symlink(found, dir.path().join(program)).unwrap();
    }
    dir
}

fn script(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    let _ = fs::remove_file(&path);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What module builds and package look-ups are made of.
const TOOLS: [&str; 9] =
    ["apt-cache", "apt-get", "dpkg-deb", "make", "sh", "sed", "grep", "cp", "date"];

fn without_qemu_the_package_is_named() {
    let path = only(&TOOLS);
    let output = raext().args(["check"]).arg(wide()).env("PATH", path.path()).output().unwrap();
    let (status, said) = said(&output);
    assert!(status == 69 && said.contains("qemu-system-x86"), "{status} {said}");
}

fn an_archive_without_the_kernel_is_said_to_be_one() {
    let path = only(&TOOLS);
    script(path.path(), "apt-cache", "exit 0");
    let build = tempfile::tempdir().unwrap();
    let output = raext()
        .args(["check"])
        .arg(wide())
        .env("PATH", path.path())
        .env("RAEXT_BUILD", build.path())
        .output()
        .unwrap();
    let (status, said) = said(&output);
    assert!(
        status == 69 && said.contains("6.12") && said.contains("apt-get update"),
        "{status} {said}"
    );
}

fn a_kernel_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("vmlinuz");
    fs::write(&image, vec![0; 4096]).unwrap();
    let output = raext().args(["check", "wide", "--kernel"]).arg(&image).output().unwrap();
    let (status, said) = said(&output);
    assert!(status == 1 && said.contains(&*image.to_string_lossy()), "{status} {said}");
}

fn an_agent_that_was_not_built_is_missed() {
    let output = raext().args(["check", "wide"]).env("RAEXT_AGENT", "/nowhere/agent").output();
    let (status, said) = said(&output.unwrap());
    assert!(status == 69 && said.contains("/nowhere/agent"), "{status} {said}");
}

fn without_the_module_the_kernel_is_asked_for_nothing() {
    let mut guest = boot(&["wide"], vec![raext_in_guest()], &[]);
    guest.unload_module().unwrap();
    let mut run = |arguments: &[&str]| {
        let argv: Vec<_> = ["/bin/raext"].iter().chain(arguments).copied().collect();
        let (status, stdout, stderr) = guest.exec(&argv).unwrap();
        (status, stdout + &stderr)
    };
    let (status, said) = run(&["attach", &guest_path("wide")]);
    assert!(status == 69 && said.contains("module"), "{status} {said}");
    let (status, said) = run(&["detach", "absent"]);
    assert!(status == 1 && said.contains("absent"), "{status} {said}");
    let (status, said) = run(&["detach", "--all"]);
    assert!(status == 0, "{status} {said}");
    stop_clean(guest);
}

fn help_man_page_and_completions_come_from_one_source() {
    let (status, man) = run(&["man"]);
    assert!(status == 0 && man.contains(".TH") && man.contains("compare"), "{man}");
    for shell in ["bash", "zsh", "fish"] {
        let (status, said) = run(&["completions", shell]);
        assert!(status == 0 && said.contains("compare"), "{shell}: {said}");
    }
    let (status, help) = run(&["compare", "--help"]);
    assert!(status == 0 && help.contains("mmap-random"), "{help}");
}

fn a_list_of_what_a_bench_would_measure_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("bench");
    let out_text = out.to_string_lossy().into_owned();
    let list = |more: &[&str]| {
        let words = ["bench", "--list", "--row", "stride", "--policy", "wide", "--out", &out_text];
        run(&[&words[..], more].concat())
    };
    let (status, said) = list(&[]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("stride@disk/ext4") && said.contains("30 runs to make"), "{said}");
    assert!(!out.exists(), "a list made {}", out.display());
    // Somebody's measurements, of whatever it may be.
    fs::create_dir(&out).unwrap();
    let store = out.join("store.jsonl");
    let header = r#"{"line":"header","schema":1,"kernel":"other","columns":[]}"#;
    fs::write(&store, format!("{header}\n")).unwrap();
    for more in [&[][..], &["--fresh"]] {
        let (status, said) = list(more);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("30 runs to make"), "{said}");
        assert_eq!(fs::read_to_string(&store).unwrap(), format!("{header}\n"), "{more:?}");
    }
}
