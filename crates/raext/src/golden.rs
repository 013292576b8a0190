// SPDX-License-Identifier: GPL-2.0-only
//! Holds help, man pages and completions against the files of `tests/golden`, so that a
//! change of an argument shows in the diff as the user sees it.
//!
//! `RAEXT_BLESS=1 cargo test -p raext golden` writes the files anew.

use crate::args::Cli;
use clap::{Command, CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The columns that help is wrapped to: clap takes the terminal's otherwise.
const COLUMNS: usize = 100;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The help of a command and of all below it, by file name.
fn helps(command: &mut Command, path: &str, into: &mut BTreeMap<String, String>) {
    into.insert(format!("help/{path}.txt"), command.render_long_help().to_string());
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        let path = format!("{path}-{}", below.get_name());
        helps(below, &path, into);
    }
}

/// Everything that clap makes of the definition, by file name.
fn made() -> BTreeMap<String, String> {
    let mut made = BTreeMap::new();
    let mut command = Cli::command().term_width(COLUMNS);
    command.build();
    helps(&mut command, "raext", &mut made);
    for (name, page) in crate::man::pages() {
        made.insert(format!("man/{name}.1"), String::from_utf8(page).unwrap());
    }
    for shell in Shell::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "raext", &mut script);
        made.insert(format!("completions/raext.{shell}"), String::from_utf8(script).unwrap());
    }
    made
}

/// The files that are there, by name.
fn kept() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for kind in ["help", "man", "completions"] {
        for entry in fs::read_dir(folder().join(kind)).into_iter().flatten() {
            names.insert(format!("{kind}/{}", entry.unwrap().file_name().to_string_lossy()));
        }
    }
    names
}

#[test]
fn golden_files_match_the_definition() {
    let made = made();
    if std::env::var_os("RAEXT_BLESS").is_some() {
        for name in kept() {
            fs::remove_file(folder().join(name)).unwrap();
        }
        for (name, text) in &made {
            let path = folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let renew = "if the change is meant, renew with `RAEXT_BLESS=1 cargo test -p raext golden`";
    let names: BTreeSet<_> = made.keys().cloned().collect();
    assert_eq!(kept(), names, "other files than those that are made; {renew}");
    for (name, text) in made {
        let golden = fs::read_to_string(folder().join(&name)).unwrap();
        let difference = golden.lines().zip(text.lines()).find(|(kept, made)| kept != made);
        assert!(golden == text, "{name} differs, first at {difference:?}; {renew}");
    }
}
