// SPDX-License-Identifier: GPL-2.0-only
//! Each program of tests/refused, with what a real kernel (Debian's 6.12.117)
//! said of it: cause, place in the source, what is at fault, and what to do.

mod common;

use common::{explained, log_of, sources_of_the_project};
use raext_bpf::verdict::Verdict;
use std::fs;

/// What the explanation of a program must say: the source line that it points
/// to, a part of what is at fault (empty: nothing is named), a part of the help.
struct Expected {
    program: &'static str,
    line: &'static str,
    fault: &'static str,
    help: &'static str,
}

const fn expect(
    program: &'static str,
    line: &'static str,
    fault: &'static str,
    help: &'static str,
) -> Expected {
    Expected { program, line, fault, help }
}

const EXPECTED: [Expected; 25] = [
    expect(
        "forbidden_helper",
        "perf_event_output(s, &events, 0, &inode, sizeof(inode));",
        "",
        "basic helpers",
    ),
    expect(
        "impostor",
        "bpf_fs_readahead_prefetch(&copy, s->index, 32, 0);",
        "R1, which holds a pointer to the stack",
        "callback's own argument",
    ),
    expect("nested_loop", "loop(TURNS, outer, 0, 0);", "", "basic helpers"),
    expect(
        "kfunc_argument",
        "bpf_fs_readahead_prefetch((void *)s->index, s->index, 1, 0);",
        "R1, which holds a number",
        "own argument",
    ),
    expect(
        "kfunc_null",
        "return bpf_fs_readahead_cached((void *)0, 0, 32) > 16 ? 0 : -1;",
        "",
        "if (!p) return -1;",
    ),
    // Of its log, the kernel keeps the end: so does ours.
    expect("long_loop", "n = n * 1664525 + s->size + i;", "", "bound the loop"),
    expect("member_type", ".cgroup_id = 1,", "", "as readahead_ext_abi.h does"),
    expect("no_such_argument", "return ctx[1] != 0;", "R1, which holds the array", "one argument"),
    expect(
        "not_a_pointer",
        "return *inode;",
        "R1, which holds a number",
        "as the kernel gave them",
    ),
    expect(
        "null_map",
        "return *limit;",
        "R0, which holds what was found in map limits: NULL",
        "if (!p) return -1;",
    ),
    expect(
        "read_past_state",
        "return words[64] != 0;",
        "R1, which holds the argument s",
        "by their names",
    ),
    expect("sleepable", "SEC(\"struct_ops.s/get_max_ra\")", "", "without the `.s`"),
    expect("unbounded_loop", "while (!ready)", "", "a constant"),
    expect(
        "unchecked_index",
        "return limits[s->size];",
        "R2, which holds a pointer into a value of map unchecke.bss",
        "if (i >= LEN)",
    ),
    expect("unknown_callback", ".get_weather = (void *)get_weather,", "", "later version"),
    // A member before it is skipped: that is no complaint.
    expect("unknown_member", ".temperature = 20,", "", "leave `.temperature` out"),
    expect("unknown_field", "return other->temperature;", "", "bpf_core_field_exists"),
    expect("unknown_kfunc", "return bpf_fs_readahead_divine(s);", "", "__weak"),
    expect("stored_state", "last->start = 42;", "", "callback's own argument"),
    expect(
        "unnamed_argument",
        "static __attribute__((noinline)) int limit(struct bpf_fs_readahead_state *s, int)",
        "",
        "name every argument",
    ),
    expect(
        "unoptimised",
        "int RAEXT_CALLBACK(bpf_iden_max_ra, struct bpf_fs_readahead_state *s)",
        "",
        "compile with -O2",
    ),
    expect(
        "unset_register",
        "asm volatile(\"*(u64 *)(r10 - 8) = r5\" ::: \"memory\");",
        "",
        "answer last",
    ),
    expect(
        "write_half",
        "*(volatile unsigned short *)&s->size = 32;",
        "R1, which holds the argument s",
        "each as a whole",
    ),
    expect(
        "write_index",
        "s->index = 0;",
        "R1, which holds the argument s",
        "start, size and async_size",
    ),
    expect(
        "write_ra_pages",
        "s->ra_pages = 1024;",
        "R1, which holds the argument s",
        "start, size and async_size",
    ),
];

/// The cause that a program names in its header.
fn announced(program: &str) -> String {
    let path = sources_of_the_project().join(format!("tests/refused/{program}.bpf.c"));
    let source = fs::read_to_string(&path).unwrap();
    let line = source.lines().find_map(|line| line.strip_prefix("// refused: "));
    line.unwrap_or_else(|| panic!("{}: no `// refused:` line", path.display())).to_owned()
}

fn cause(verdict: &Verdict) -> &str {
    verdict.cause.map_or("accepted", |cause| cause.name())
}

#[test]
fn every_program_gets_the_cause_that_it_announces() {
    for Expected { program, .. } in EXPECTED {
        assert_eq!(cause(&explained(program)), announced(program), "{program}");
    }
}

#[test]
fn every_program_is_shown_where_it_is_wrong() {
    for Expected { program, line, .. } in EXPECTED {
        let verdict = explained(program);
        let place = verdict.place.unwrap_or_else(|| panic!("{program}: no place"));
        assert!(place.on_disk, "{program}");
        assert!(place.path.ends_with(format!("tests/refused/{program}.bpf.c")), "{place:?}");
        assert_eq!(place.text().trim(), line, "{program}");
        let source = fs::read_to_string(&place.path).unwrap();
        let at = usize::try_from(place.line).unwrap() - 1;
        assert_eq!(source.lines().nth(at).unwrap().trim(), line, "{program}");
        assert_eq!(place.lines.len(), 5, "{program}: two neighbours either side");
    }
}

#[test]
fn every_program_is_told_what_is_at_fault_and_what_to_do() {
    for Expected { program, fault, help, .. } in EXPECTED {
        let verdict = explained(program);
        let said = verdict.fault.unwrap_or_default();
        assert!(said.contains(fault), "{program}: {said}");
        assert_eq!(said.is_empty(), fault.is_empty(), "{program}: {said}");
        assert!(verdict.help.unwrap().contains(help), "{program}");
        assert!(verdict.headline.is_some_and(|line| !line.contains('\n')), "{program}");
    }
}

#[test]
fn every_program_of_the_folder_is_expected_here_or_refused_unloaded() {
    // What is no readahead policy is told by raext-object, without a kernel.
    let unloaded = ["foreign-type", "no-struct-ops"];
    let folder = sources_of_the_project().join("tests/refused");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(program) = name.strip_suffix(".bpf.c") else { continue };
        let known = EXPECTED.iter().any(|expected| expected.program == program);
        assert!(known || unloaded.contains(&&*announced(program)), "{program}");
        assert_eq!(known, log_of(program).is_some(), "{program}: tests/logs has its log");
    }
}
