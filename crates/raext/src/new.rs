// SPDX-License-Identifier: GPL-2.0-only
//! `raext new`: the crate of a policy that builds, passes its tests and can be
//! measured, to be changed.

use crate::args::NewArgs;
use crate::exit::Result;
use crate::policy;
use raext_model::{Error, IoExt as _};
use raext_vm::Paths;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const MANIFEST: &str = include_str!("new/Cargo.toml.in");
const CODE: &str = include_str!("new/lib.rs.in");

/// Characters of a policy's name, which the kernel keeps with a zero behind it.
const MOST: usize = 15;

/// Words that are no name of a crate: Rust's own, those of its libraries, and the
/// one that a policy depends on.
const TAKEN: [&str; 60] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "raext-policy",
    "raext_policy",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "aya-ebpf",
];

/// Make the folder, and say what to do with it.
pub(crate) fn run(args: &NewArgs) -> Result<()> {
    let dir = &args.name;
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(why) = trouble(name, &policy::shipped_names()?) {
        return Err(Error::usage(format!("'{}' is no name for a policy: {why}", dir.display())));
    }
    make(&Paths::find()?, dir, name)?;
    let dir = dir.display();
    let path = if dir.to_string().contains('/') { dir.to_string() } else { format!("./{dir}") };
    println!(
        "{dir}/src/lib.rs is a policy, and has its tests. Change it, and:\n\
         \n    \
         cargo test --manifest-path {path}/Cargo.toml\n    \
         raext check {path}\n    \
         raext compare --policy {path} --workload seq-read --workload random-read\n    \
         sudo raext attach {path}"
    );
    Ok(())
}

/// The fault of a name, if it has one.
fn trouble(name: &str, shipped: &[String]) -> Option<String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        Some("it begins with a small letter, and small letters, digits, '-' and '_' follow".into())
    } else if name.len() > MOST {
        Some(format!("it has {} characters, and {MOST} are the most", name.len()))
    } else if TAKEN.contains(&name) {
        Some("the word is taken by Rust or its libraries".into())
    } else if shipped.iter().any(|other| other == name) {
        Some("a policy that comes with the project has it".into())
    } else {
        None
    }
}

fn make(paths: &Paths, dir: &Path, name: &str) -> Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::refused(format!("{}: is there already", dir.display())));
        }
        made => made.given("making", dir)?,
    }
    let place = dependency(paths, dir)?;
    let manifest = MANIFEST.replace("@NAME@", name).replace("@POLICY@", &place);
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).given("writing", &path)
    };
    fs::create_dir(dir.join("src")).given("making", &dir.join("src"))?;
    write("Cargo.toml", &manifest)?;
    write("src/lib.rs", &CODE.replace("@NAME@", name))?;
    write(".gitignore", "/target\n")?;
    // The versions that the project is tested with; cargo drops what is too much.
    let lock = paths.root.join("Cargo.lock");
    match fs::read_to_string(&lock) {
        Ok(text) => write("Cargo.lock", &text),
        Err(_) => Ok(()),
    }
}

/// Where raext-policy is, as a string of a manifest in `dir`: within the checkout
/// by a path that stays right when the checkout is moved.
fn dependency(paths: &Paths, dir: &Path) -> Result<String> {
    let absolute = |path: &Path| path.canonicalize().given("looking for", path);
    let (root, dir) = (absolute(&paths.root)?, absolute(dir)?);
    let up = match dir.strip_prefix(&root) {
        Ok(below) => below.components().map(|_| "..").collect::<PathBuf>(),
        Err(_) => root,
    };
    let place = up.join("crates/policy");
    let text = place.to_str().ok_or_else(|| {
        Error::refused(format!("{}: a manifest is UTF-8, and this path is not", place.display()))
    })?;
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_a_crate_and_of_a_policy() {
        let shipped = ["wide".to_owned()];
        for good in ["a", "my-policy", "my_policy2", "abcdefghijklmno"] {
            assert_eq!(trouble(good, &shipped), None);
        }
        for (bad, why) in [
            ("", "letter"),
            ("2fast", "letter"),
            ("-x", "letter"),
            ("My", "letter"),
            ("a b", "letter"),
            ("größe", "letter"),
            ("abcdefghijklmnop", "16"),
            ("match", "Rust"),
            ("std", "Rust"),
            ("wide", "project"),
        ] {
            let said = trouble(bad, &shipped).unwrap_or_default();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let error = make(&Paths::find().unwrap(), dir.path(), "mine").unwrap_err();
        assert!(error.to_string().contains("is there already"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn within_the_checkout_the_way_to_the_crate_is_relative() {
        let checkout = tempfile::tempdir().unwrap();
        let root = checkout.path().to_path_buf();
        let paths = Paths { build: root.join("build"), root };
        let inside = paths.root.join("mine");
        fs::create_dir(&inside).unwrap();
        assert_eq!(dependency(&paths, &inside).unwrap(), "\"../crates/policy\"");
        let outside = tempfile::tempdir().unwrap();
        let path = dependency(&paths, outside.path()).unwrap();
        assert!(path.starts_with("\"/") && path.ends_with("/crates/policy\""), "{path}");
    }
}
