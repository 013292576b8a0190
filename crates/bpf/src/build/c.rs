// SPDX-License-Identifier: GPL-2.0-only
//! Policies in C: one file, one call of clang.

use crate::build::{BuildError, Builder, headers, run, vmlinux};
use std::env;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Newest first; before 12, clang records no field accesses of use.
const CLANGS: std::ops::RangeInclusive<u32> = 12..=25;

/// Compile a policy, with more flags: the object file, and what was warned of.
pub(super) fn compile(
    builder: &Builder,
    source: &Path,
    out: &Path,
    flags: &[&str],
) -> Result<(PathBuf, String), BuildError> {
    let not_source = || BuildError::NotSource(source.to_path_buf());
    if source.extension().is_none_or(|e| e != "c") || !source.is_file() {
        return Err(not_source());
    }
    let stem = source.file_stem().and_then(|s| s.to_str()).ok_or_else(not_source)?;
    let object = out.join(format!("{}.bpf.o", stem.trim_end_matches(".bpf")));
    let clang = clang()?;
    let (libbpf, system) = (headers::libbpf(&builder.target)?, headers::system(&clang));
    let first = headers::first(&builder.target)?;
    let compile = |types: Option<&Path>| {
        let mut command = Command::new(&clang);
        command.args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall"]);
        command.args(colour()).args(flags);
        command.arg("-include").arg(&first).arg("-I").arg(&builder.include);
        for dir in [Some(&*libbpf), types].into_iter().flatten() {
            command.arg("-isystem").arg(dir);
        }
        command.args(&system).arg("-c").arg(source).arg("-o").arg(&object);
        run::compile(&mut command, source)
    };
    let compiled = match (compile(None), &builder.kernel) {
        // The author's own vmlinux.h has been looked for: it is used where it is there.
        (Err(BuildError::Compiler { said, .. }), Some(kernel)) if misses(&said, vmlinux::NAME) => {
            let types = kernel().map_err(BuildError::Target)?;
            builder.progress.step(&format!("making vmlinux.h of Linux {}", types.release));
            compile(Some(&vmlinux::make(&types, &builder.target)?))
        }
        (compiled, _) => compiled,
    };
    let compiled = compiled.map_err(|error| match error {
        BuildError::Compiler { path, said } if misses_system(&said) => BuildError::Compiler {
            path,
            said: said
                + "\nhelp: Debian has the headers of <linux/…> and <asm/…> in linux-libc-dev",
        },
        other => other,
    })?;
    Ok((object, compiled.warnings))
}

/// Whether clang did not find this header.
fn misses(said: &str, header: &str) -> bool {
    said.contains(&format!("'{header}' file not found"))
}

fn misses_system(said: &str) -> bool {
    said.lines().any(|line| {
        line.contains("file not found") && ["'linux/", "'asm/"].iter().any(|dir| line.contains(dir))
    })
}

/// clang writes no colours to a pipe. The flag asks for them where the user sees them.
fn colour() -> Option<&'static str> {
    let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    (wanted && std::io::stderr().is_terminal()).then_some("-fdiagnostics-color=always")
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

/// The compiler: what `CLANG` names, else the newest that knows BPF.
pub(super) fn clang() -> Result<String, BuildError> {
    if let Some(clang) = env::var("CLANG").ok().filter(|name| !name.is_empty()) {
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
    use raext_model::{Classified as _, Kind, Silent};
    use std::fs;
    use std::rc::Rc;

    fn builder(build: &Path) -> Builder {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        Builder::new(root, build, Rc::new(Silent))
    }

    /// The words of clang on a file with this text.
    fn said(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("mine.bpf.c");
        fs::write(&source, text).unwrap();
        match compile(&builder(dir.path()), &source, dir.path(), &[]) {
            Err(BuildError::Compiler { said, .. }) => said,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_c_file_is_refused_before_any_compiler() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["policy.rs", "missing.c"] {
            let error = compile(&builder(dir.path()), &dir.path().join(name), dir.path(), &[]);
            let error = error.unwrap_err();
            assert!(matches!(error, BuildError::NotSource(_)), "{error}");
            assert_eq!(error.kind(), Kind::Refused);
        }
    }

    #[test]
    fn the_compiler_s_errors_are_its_own() {
        let said = said("#include <linux/types.h>\n__u32 n = ;\n");
        assert!(said.contains("mine.bpf.c:2:11: error: expected expression"), "{said}");
        assert!(said.contains("    2 | __u32 n = ;\n      |           ^"), "{said}");
    }

    /// Headers of libbpf and of the system, in the order that people write them.
    #[test]
    fn the_first_program_compiles_with_the_headers_that_it_includes() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let source = root.join("tests/accepted/seed_libbpf.bpf.c");
        let dir = tempfile::tempdir().unwrap();
        let (object, warnings) = compile(&builder(dir.path()), &source, dir.path(), &[]).unwrap();
        assert_eq!(warnings, "");
        let policy = crate::object::PolicyObject::read(&object).unwrap();
        assert_eq!(policy.callbacks(), ["get_max_ra", "get_ra"]);
        assert!(policy.moves_state());
    }

    /// The seed's own declaration: what is `ra_pages` there is `async_size` in the module.
    #[test]
    fn a_state_of_the_author_s_own_is_read_by_the_names_of_its_fields() {
        let text = "struct bpf_fs_readahead_state {
                int i_ino;
                unsigned int size;
                unsigned int async_size;
                unsigned int ra_pages;
            };
            int f(struct bpf_fs_readahead_state *s) { return s->ra_pages; }\n";
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("own.bpf.c");
        fs::write(&source, text).unwrap();
        let (object, warnings) = compile(&builder(dir.path()), &source, dir.path(), &[]).unwrap();
        assert_eq!(warnings, "");
        // The relocation's access string; without the relocation there is none.
        let bytes = fs::read(object).unwrap();
        assert!(bytes.windows(5).any(|bytes| bytes == b"\x000:3\0"));
    }

    #[test]
    fn a_header_that_the_system_lacks_is_named_with_its_package() {
        let said = said("#include <linux/no_such_header.h>\n");
        assert!(said.contains("'linux/no_such_header.h' file not found"), "{said}");
        assert!(said.ends_with("in linux-libc-dev"), "{said}");
    }
}
