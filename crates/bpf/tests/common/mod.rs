// SPDX-License-Identifier: GPL-2.0-only
//! The logs of real kernels, and what was known of the objects they are about.

use raext_bpf::verdict::{Facts, Verdict, explain_with};
use raext_model::LoadOutcome;
use std::fs;
use std::path::{Path, PathBuf};

const EACCES: i32 = 13;

/// The root of the project.
pub(crate) fn sources_of_the_project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What was said while a program was loaded.
pub(crate) fn log_of(program: &str) -> Option<String> {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    fs::read_to_string(logs.join(format!("{program}.log"))).ok()
}

/// The fields of the state that the programs write, by their offsets.
pub(crate) fn state_field(offset: usize) -> Option<String> {
    let fields = [(8, "size"), (12, "async_size"), (16, "ra_pages")];
    fields.iter().find(|(at, _)| *at == offset).map(|(_, name)| (*name).to_owned())
}

/// The outcome of a load that was refused.
pub(crate) fn refused(log: String) -> LoadOutcome {
    LoadOutcome { accepted: false, errno: EACCES, log }
}

/// The verdict on a program of tests/refused, compiled elsewhere.
pub(crate) fn explained(program: &str) -> Verdict {
    let sources =
        [format!("/elsewhere/readahead_ext/tests/refused/{program}.bpf.c"), "/h/abi.h".to_owned()];
    let facts = Facts {
        name: program,
        callbacks: &["get_max_ra".to_owned()],
        sources: &sources,
        state_field: &state_field,
        unnamed_argument: None,
        unoptimised: program == "unoptimised",
    };
    let log = log_of(program).unwrap_or_else(|| panic!("tests/logs has no {program}.log"));
    explain_with(&refused(log), &facts, &[sources_of_the_project()])
}
