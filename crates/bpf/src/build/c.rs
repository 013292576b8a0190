// SPDX-License-Identifier: GPL-2.0-only
//! Policies in C: one file, one call of clang.

use crate::build::{BuildError, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Newest first; before 12, clang records no field accesses of use.
const CLANGS: std::ops::RangeInclusive<u32> = 12..=25;

/// Compile a policy: the object file, and what was warned of.
pub(super) fn build(
    source: &Path,
    include: &Path,
    out: &Path,
) -> Result<(PathBuf, String), BuildError> {
    compile(source, include, out, &[])
}

/// Compile with more flags.
pub(super) fn compile(
    source: &Path,
    include: &Path,
    out: &Path,
    flags: &[&str],
) -> Result<(PathBuf, String), BuildError> {
    let not_source = || BuildError::NotSource(source.to_path_buf());
    if source.extension().is_none_or(|e| e != "c") || !source.is_file() {
        return Err(not_source());
    }
    let stem = source.file_stem().and_then(|s| s.to_str()).ok_or_else(not_source)?;
    let object = out.join(format!("{}.bpf.o", stem.trim_end_matches(".bpf")));
    let compiled = run::compile(
        Command::new(clang()?)
            .args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall"])
            .args(flags)
            .arg("-I")
            .arg(include)
            .arg("-c")
            .arg(source)
            .arg("-o")
            .arg(&object),
        source,
    )?;
    Ok((object, compiled.warnings))
}

/// Compile C that Rust policies are linked with to bitcode.
pub(super) fn bitcode(source: &Path, out: &Path) -> Result<PathBuf, BuildError> {
    let object = out.join("kfuncs.bc");
    run::compile(
        Command::new(clang()?)
            .args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-emit-llvm", "-c"])
            .arg(source)
            .arg("-o")
            .arg(&object),
        source,
    )?;
    Ok(object)
}

fn clang() -> Result<String, BuildError> {
    if let Some(clang) = std::env::var("CLANG").ok().filter(|name| !name.is_empty()) {
        return Ok(clang);
    }
    CLANGS
        .rev()
        .map(|version| format!("clang-{version}"))
        .chain(["clang".to_owned()])
        .find(|name| {
            let targets = run::stdout(Command::new(name).arg("-print-targets"));
            targets.is_some_and(|targets| targets.contains("bpfel"))
        })
        .ok_or(BuildError::NoClang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    #[test]
    fn what_is_no_c_file_is_refused_before_any_compiler() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["policy.rs", "missing.c"] {
            let error = build(&dir.path().join(name), dir.path(), dir.path()).unwrap_err();
            assert!(matches!(error, BuildError::NotSource(_)), "{error}");
            assert_eq!(error.kind(), Kind::Refused);
        }
    }
}
