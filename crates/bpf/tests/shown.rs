// SPDX-License-Identifier: GPL-2.0-only
//! What is printed, and what is made of logs whose sources are not at hand.

mod common;

use common::{explained, log_of, refused, sources_of_the_project, state_field};
use raext_bpf::verdict::{Cause, Facts, Verdict, explain_with};
use raext_model::LoadOutcome;
use std::fs;
use std::path::PathBuf;

fn facts<'a>(name: &'a str, sources: &'a [String], callbacks: &'a [String]) -> Facts<'a> {
    Facts {
        name,
        callbacks,
        sources,
        state_field: &state_field,
        unnamed_argument: None,
        unoptimised: false,
    }
}

fn without_sources(log: &str) -> Verdict {
    explain_with(&refused(log.to_owned()), &facts("policy", &[], &[]), &[])
}

#[test]
fn an_accepted_policy_is_one_line() {
    let callbacks = ["get_max_ra".to_owned(), "get_ra".to_owned()];
    let outcome = LoadOutcome { accepted: true, errno: 0, log: String::new() };
    let verdict = explain_with(&outcome, &facts("wide", &[], &callbacks), &[]);
    assert_eq!(verdict.to_string(), "accepted: wide (get_max_ra, get_ra) passes the verifier");
    assert_eq!(verdict.cause, None);
}

#[test]
fn a_refused_policy_is_shown_like_a_compiler_s_error() {
    let root = sources_of_the_project().display().to_string();
    let shown = explained("write_ra_pages").to_string().replace(&root, "");
    let expected = "\
refused: the policy writes the field `ra_pages`, which only the module may
  --> /tests/refused/write_ra_pages.bpf.c:10
   |
 8 | int RAEXT_CALLBACK(get_max_ra, struct bpf_fs_readahead_state *s)
 9 | {
10 |     s->ra_pages = 1024;
   |     ^^^^^^^^^^^^^^^^^^^
11 |     return -1;
12 | }
   = at fault: R1, which holds the argument s
   = kernel: readahead_ext: a policy may write start, size and async_size of \
bpf_fs_readahead_state, not 4 bytes at offset 16
help: write only the fields start, size and async_size of the state, each as a whole; answer \
with the value that the callback returns";
    assert_eq!(shown, expected);
}

#[test]
fn the_seed_s_own_log_is_explained_without_its_object() {
    let verdict = without_sources(&log_of("seed").unwrap());
    assert_eq!(verdict.cause, Some(Cause::Unoptimised));
    assert_eq!(verdict.fault.as_deref(), Some("R2, which holds the argument s, as a bare number"));
    assert!(verdict.help.as_deref().unwrap().contains("-O2"));
    let place = verdict.place.as_ref().unwrap();
    assert_eq!((place.path.to_str(), place.line), (Some("readahead_noop.c"), 10));
    assert_eq!(place.text(), "return s->ra_pages;");
    assert!(!place.on_disk);
    assert!(verdict.to_string().contains("not found on disk"));
}

#[test]
fn without_optimisation_the_argument_s_slot_is_any() {
    let log = log_of("seed").unwrap().replace("(r10 -8) = r1", "(r10 -24) = r1");
    assert_eq!(without_sources(&log).cause, Some(Cause::Unoptimised));
    let other = log.replace("(r10 -24) = r1", "(r10 -24) = r2");
    assert_eq!(without_sources(&other).cause, Some(Cause::NotAPointer));
}

#[test]
fn a_loop_that_runs_too_long_is_told_with_and_without_its_log() {
    // The end of a real log of 160 MB; its first two lines were put before it by
    // hand, as libbpf writes them, and its file was renamed.
    let log = log_of("too_large").unwrap();
    let verdict = without_sources(&log);
    assert_eq!(verdict.cause, Some(Cause::UnboundedLoop));
    assert!(verdict.headline.unwrap().contains("too many steps"));
    assert_eq!(verdict.place.unwrap().text(), "for (unsigned i = 0; i < 100000000; i++)");
    let verdict = without_sources(log.lines().next().unwrap());
    assert_eq!(verdict.cause, Some(Cause::UnboundedLoop));
}

#[test]
fn a_kernel_without_the_module_is_told_from_a_foreign_type() {
    let log = log_of("no_module").unwrap();
    let verdict = without_sources(&log);
    assert_eq!(verdict.cause, Some(Cause::NoModule));
    assert!(verdict.help.unwrap().contains("raext module load"));
    let foreign = log.replace("bpf_fs_readahead_ops", "sched_ext_ops");
    let verdict = without_sources(&foreign);
    assert_eq!(verdict.cause, Some(Cause::ForeignType));
    assert!(verdict.headline.unwrap().contains("sched_ext_ops"));
}

#[test]
fn a_part_of_a_writable_field_is_not_the_field() {
    let log = log_of("write_ra_pages").unwrap();
    let part = log
        .replace("s->ra_pages = 1024;", "*(__u8 *)&s->size = 0;")
        .replace("not 4 bytes at offset 16", "not 1 bytes at offset 8");
    let headline = without_sources(&part).headline.unwrap();
    assert!(headline.contains("a part of the field `size`"), "{headline}");
}

#[test]
fn a_field_of_another_layout_is_not_named_wrongly() {
    // A policy compiled with its own layout of the state: offset 16 of the
    // kernel's is not what lies there in the policy's.
    let log = log_of("write_ra_pages").unwrap().replace("s->ra_pages = 1024;", "s->dev = 3;");
    let headline = without_sources(&log).headline.unwrap();
    assert!(headline.contains("at offset 16"), "{headline}");
}

#[test]
fn what_is_not_known_keeps_its_words_and_its_place() {
    let log = log_of("null_map").unwrap();
    let strange = log.replace("R0 invalid mem access 'map_value_or_null'", "the moon is full");
    let verdict = without_sources(&strange);
    assert_eq!(verdict.cause, Some(Cause::Other));
    assert_eq!(verdict.headline.as_deref(), Some("the kernel says: the moon is full"));
    assert_eq!(verdict.place.as_ref().unwrap().text(), "return *limit;");
    assert_eq!(verdict.tail.last().unwrap(), "the moon is full");
    assert!(verdict.to_string().contains("r0 = *(u32 *)(r0 +0)"));
}

#[test]
fn an_error_without_a_log_is_told_by_its_number() {
    let cause = |errno| {
        let outcome = LoadOutcome { accepted: false, errno, log: String::new() };
        explain_with(&outcome, &facts("policy", &[], &[]), &[])
    };
    assert_eq!(cause(1).cause, Some(Cause::NotPermitted));
    assert_eq!(cause(16).cause, Some(Cause::Busy));
    let other = cause(7);
    assert_eq!(other.cause, Some(Cause::Other));
    assert_eq!(other.headline.as_deref(), Some("the kernel gave error 7 and no reason"));
}

#[test]
fn a_source_that_has_changed_since_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("null_map.bpf.c");
    let sources = [program.display().to_string()];
    let log = log_of("null_map").unwrap();
    let place = || {
        let facts = facts("null_map", &sources, &[]);
        explain_with(&refused(log.clone()), &facts, &[]).place.unwrap()
    };
    let original = sources_of_the_project().join("tests/refused/null_map.bpf.c");
    fs::copy(&original, &program).unwrap();
    assert!(place().on_disk);
    let changed = fs::read_to_string(&original).unwrap().replacen('\n', "\n\n", 1);
    fs::write(&program, changed).unwrap();
    let place = place();
    assert!(!place.on_disk);
    assert_eq!(place.path, program);
    assert_eq!(place.text(), "return *limit;");
}

#[test]
fn code_from_a_library_is_told_by_the_policy_s_line_that_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("policy/src/lib.rs");
    let library = folder.path().join("library/src/state.rs");
    for (path, line) in [(&own, "fn limit(s: &State) -> Limit {"), (&library, "self.0.size")] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("// one\n// two\n{line}\n")).unwrap();
    }
    let log = "libbpf: prog 'limit': -- BEGIN PROG LOAD LOG --\n\
               ; fn limit(s: &State) -> Limit { @ lib.rs:3\n\
               0: (79) r1 = *(u64 *)(r1 +0)\n\
               ; self.0.size @ state.rs:3\n\
               1: (61) r0 = *(u32 *)(r1 +8)\n\
               R1 invalid mem access 'scalar'\n";
    let sources = [own.display().to_string(), library.display().to_string()];
    let place = |roots: &[PathBuf]| {
        let facts = facts("policy", &sources, &[]);
        explain_with(&refused(log.to_owned()), &facts, roots).place.unwrap()
    };
    assert_eq!(place(&[folder.path().join("policy")]).path, own);
    assert_eq!(place(&[]).path, library);
}

/// What is said of a Rust policy whose `src/lib.rs` has `text` as line `line`.
/// Its object names the library's files too, among them another lib.rs.
fn of_rust(log: &str, line: usize, text: &str) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), "\n".repeat(line - 1) + text).unwrap();
    let sources = [
        "/rust/library/core/src/ptr/const_ptr.rs",
        "/elsewhere/crates/policy/src/glue.rs",
        "/elsewhere/crates/policy/src/lib.rs",
        "/elsewhere/policies/tried/src/lib.rs",
    ]
    .map(str::to_owned);
    let facts = facts("tried", &sources, &[]);
    let log = log_of(log).unwrap();
    explain_with(&refused(log), &facts, &[folder.path().to_path_buf(), sources_of_the_project()])
}

#[test]
fn a_policy_in_rust_is_shown_in_its_own_source() {
    let text = "    let row = s.index() as usize % 11;";
    let verdict = of_rust("rust_index", 16, text);
    assert_eq!(verdict.cause, Some(Cause::UncheckedIndex));
    assert_eq!(verdict.place.unwrap().text(), text);
    assert_eq!(verdict.fault.as_deref(), Some("R1, which holds a number that nothing bounds"));

    // Without any source at hand it is still the line that the log can show.
    let verdict = without_sources(&log_of("rust_index").unwrap());
    assert_eq!(verdict.place.unwrap().text(), text.trim());

    let text = "    while !s.is_mmap() {}";
    let verdict = of_rust("rust_loop", 14, text);
    assert_eq!(verdict.cause, Some(Cause::UnboundedLoop));
    assert_eq!(verdict.place.unwrap().text(), text);
}

#[test]
fn causes_have_one_name_in_text_and_json() {
    for cause in [Cause::WriteNotAllowed, Cause::UnknownKfunc, Cause::NotAPointer, Cause::Other] {
        assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
    }
}
