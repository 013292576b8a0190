// SPDX-License-Identifier: GPL-2.0-only
//! What the project does to itself.
//!
//! `cargo run -p xtask -- abi` writes `crates/policy/src/abi.rs` from
//! `kmod/readahead_ext_abi.h`, the only home of the ABI; a test below notices
//! when the two have drifted apart. `cargo run -p xtask -- tidy`, a step of
//! `make check`, reads all files for what no compiler sees. `cargo run -p xtask --
//! imitated` compares the kernel's functions that the module imitates with the source
//! of each kernel.

mod abi;
mod imitated;
mod lines;
mod links;
mod structure;
mod tree;
mod words;

use anyhow::{Context as _, Result, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};

const HEADER: &str = "kmod/readahead_ext_abi.h";
const RUST: &str = "crates/policy/src/abi.rs";

fn main() -> Result<ExitCode> {
    match env::args().nth(1).as_deref() {
        Some("abi") => {
            let path = root().join(RUST);
            fs::write(&path, generate()?).with_context(|| path.display().to_string())?;
        }
        Some("tidy") => tidy()?,
        Some("imitated") => return Ok(imitated::run(&root(), env::args().skip(2))),
        _ => bail!("usage: cargo run -p xtask -- abi|tidy|imitated"),
    }
    Ok(ExitCode::SUCCESS)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn generate() -> Result<String> {
    let path = root().join(HEADER);
    let header = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    abi::generate(&header)
}

/// Print what is wrong with the project's files, one line each.
fn tidy() -> Result<()> {
    let root = root();
    let files = tree::files(&root)?;
    let mut problems = lines::problems(&files);
    problems.extend(links::problems(&root, &files));
    problems.extend(structure::problems(&root)?);
    problems.extend(words::problems(&files));
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        exit(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rust_side_is_what_the_header_says() {
        let there = fs::read_to_string(root().join(RUST)).unwrap();
        assert!(
            there == generate().unwrap(),
            "{RUST} is not what {HEADER} gives: run `cargo run -p xtask -- abi`"
        );
    }
}
