// SPDX-License-Identifier: GPL-2.0-only
//! Policies in Rust: cargo with a toolchain that knows BPF, and bpf-linker.

use crate::build::{BuildError, run};
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "bpfel-unknown-none";
const LINKER: &str = "bpf-linker";

/// Where the user has bpf-linker, if not where it is looked for.
const LINKER_VARIABLE: &str = "RAEXT_BPF_LINKER";

/// Settings of the caller's own builds that do not fit here.
const FOREIGN: [&str; 7] = [
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// The profile of a policy, whatever the crate's workspace has in mind: full
/// debug information is where BTF and the verifier's source lines come from, and
/// an assertion is a panic, which ends in a loop that the verifier refuses.
const PROFILE: [&str; 9] = [
    "profile.release.opt-level=3",
    "profile.release.debug=\"full\"",
    "profile.release.panic=\"abort\"",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.overflow-checks=false",
    "profile.release.debug-assertions=false",
    "profile.release.incremental=false",
    "profile.release.strip=\"none\"",
];

/// A toolchain that compiles Rust for BPF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    kind: Kind,
    linker: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A compiler with a core library for BPF at its side (Debian's).
    Prebuilt { cargo: PathBuf, rustc: PathBuf },
    /// A rustup nightly that builds the core library from its source.
    Nightly,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Prebuilt { rustc, .. } => write!(f, "{}", rustc.display()),
            Kind::Nightly => f.write_str("rustup's nightly"),
        }
    }
}

impl Toolchain {
    /// Find one: Debian's, else a nightly with its source. bpf-linker is what
    /// `RAEXT_BPF_LINKER` names, else it is looked for in `tools`/bin, in PATH.
    ///
    /// # Errors
    /// When there is none; the error says what to install.
    pub fn find(tools: &Path) -> Result<Self, BuildError> {
        let kind = prebuilt().or_else(nightly).ok_or(BuildError::NoToolchain)?;
        let named = env::var_os(LINKER_VARIABLE).filter(|path| !path.is_empty());
        Ok(Self { kind, linker: linker(named.map(PathBuf::from), tools)? })
    }

    /// cargo, for a policy that is linked with `shim`, a file of bitcode.
    fn cargo(&self, shim: &Path) -> Command {
        let mut command = match &self.kind {
            Kind::Prebuilt { cargo, rustc } => {
                let mut command = Command::new(cargo);
                // aya-ebpf, which has the maps, wants BPF assembly: a feature
                // that Debian's compiler knows and does not call stable.
                command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "aya_ebpf");
                command
            }
            Kind::Nightly => {
                let mut command = Command::new("rustup");
                command.args(["run", "nightly", "cargo"]).env_remove("RUSTC");
                command
            }
        };
        for name in FOREIGN {
            command.env_remove(name);
        }
        // Encoded, a path with blanks in it stays one argument.
        let mut flags = OsString::from("-Ctarget-cpu=v3\x1f-Clink-arg=--btf\x1f-Clink-arg=");
        flags.push(shim);
        command
            .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &self.linker)
            .env("CARGO_ENCODED_RUSTFLAGS", flags);
        command
    }
}

/// Debian installs beside a rustup toolchain, which is found first by name.
fn prebuilt() -> Option<Kind> {
    let rustc = PathBuf::from("/usr/bin/rustc");
    let cargo = PathBuf::from("/usr/bin/cargo");
    let libdir =
        run::stdout(Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]))?;
    let has_core = fs::read_dir(libdir)
        .ok()?
        .any(|entry| entry.is_ok_and(|e| e.file_name().to_string_lossy().starts_with("libcore-")));
    (has_core && cargo.is_file()).then_some(Kind::Prebuilt { cargo, rustc })
}

fn nightly() -> Option<Kind> {
    let sysroot = run::stdout(
        Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]),
    )?;
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core/Cargo.toml");
    source.is_file().then_some(Kind::Nightly)
}

/// A linker that was named is used, and no other.
fn linker(named: Option<PathBuf>, tools: &Path) -> Result<PathBuf, BuildError> {
    if let Some(path) = named {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(BuildError::NamedLinker { variable: LINKER_VARIABLE, path })
        };
    }
    let bin = tools.join("bin");
    [bin.join(LINKER)]
        .into_iter()
        .chain(in_path(LINKER))
        .find(|path| path.is_file())
        .ok_or(BuildError::NoLinker(bin))
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// Compile the crate in `dir`: the object file, and what was warned of.
pub(super) fn build(
    toolchain: &Toolchain,
    dir: &Path,
    shim: &Path,
    target: &Path,
    out: &Path,
) -> Result<(PathBuf, String), BuildError> {
    let manifest = dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NotSource(dir.to_path_buf()));
    }
    let mut cargo = toolchain.cargo(shim);
    cargo
        .args(["rustc", "--quiet", "--lib", "--release", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(target);
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    if toolchain.kind == Kind::Nightly {
        cargo.args(["-Z", "build-std=core"]);
    }
    let run::Compiled { printed, warnings } = run::compile(&mut cargo, &manifest)?;
    let (name, library) = artifact(&printed).ok_or_else(|| BuildError::Manifest {
        path: manifest,
        why: "has no library (src/lib.rs)".into(),
    })?;
    let object = out.join(format!("{name}.bpf.o"));
    fs::copy(&library, &object)
        .map_err(|source| BuildError::Write { path: object.clone(), source })?;
    Ok((object, warnings))
}

/// Name and file of the last library that cargo says it made.
fn artifact(messages: &str) -> Option<(String, PathBuf)> {
    messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let cdylib = message["target"]["crate_types"].as_array()?.iter().any(|t| t == "cdylib");
        let file = message["filenames"].as_array()?.first()?.as_str()?;
        let name = message["target"]["name"].as_str()?;
        cdylib.then(|| (name.to_owned(), PathBuf::from(file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    #[test]
    fn the_library_is_found_among_cargo_s_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"dep","crate_types":["lib"]},"filenames":["/t/libdep.rlib"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"wide","crate_types":["cdylib"]},"filenames":["/t/libwide.so"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(artifact(messages), Some(("wide".into(), "/t/libwide.so".into())));
        assert_eq!(artifact("{}\nnot json"), None);
    }

    #[test]
    fn a_linker_that_was_named_is_the_one_that_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, bin) = (dir.path().join("mine"), dir.path().join("bin"));
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join(LINKER), "").unwrap();
        assert_eq!(linker(None, dir.path()).unwrap(), bin.join(LINKER));
        let error = linker(Some(mine.clone()), dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert!(error.to_string().contains(LINKER_VARIABLE), "{error}");
        fs::write(&mine, "").unwrap();
        assert_eq!(linker(Some(mine.clone()), dir.path()).unwrap(), mine);
    }

    #[test]
    fn a_missing_linker_is_the_environment_s_fault() {
        let error = BuildError::NoLinker("/nowhere/bin".into());
        assert_eq!(error.kind(), Kind::Environment);
        assert!(error.to_string().contains("make setup"));
    }
}
