// SPDX-License-Identifier: GPL-2.0-only
//! The headers that every policy in C may include: `<bpf/…>` and `<linux/…>`.
//!
//! libbpf's headers are part of this crate. Those of the system are where the compiler has
//! them for programs of the machine: clang does not search the folder of the machine's
//! architecture (`<asm/types.h>` on Debian) when it compiles for BPF.

use crate::build::{BuildError, run};
use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name and text of each header of libbpf for BPF programs.
const LIBBPF: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/libbpf_headers.rs"));

/// Read before each source. A program that declares the state by itself reads its fields where
/// the running module has them, whether or not its author has asked for that: a definition
/// inherits the attribute. Without it, a field of another layout is another field.
const FIRST: &str = "struct __attribute__((preserve_access_index)) bpf_fs_readahead_state;\n";

/// Write the file that clang is to read first below `target`.
pub(super) fn first(target: &Path) -> Result<PathBuf, BuildError> {
    let path = target.join("include/raext/first.h");
    put(&path, FIRST.as_bytes())?;
    Ok(path)
}

/// Write libbpf's headers below `target`. The folder to search for `<bpf/…>`.
pub(super) fn libbpf(target: &Path) -> Result<PathBuf, BuildError> {
    let include = target.join("include");
    let dir = include.join("bpf");
    for (name, text) in LIBBPF {
        put(&dir.join(name), text.as_bytes())?;
    }
    Ok(include)
}

/// Write a file whole, unless it is there already: another build may read it now.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let write = || {
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut file =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(dir)?;
        file.write_all(content)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| BuildError::Write { path: path.to_path_buf(), source })
}

/// Flags for the headers of the system, after all others.
pub(super) fn system(clang: &str) -> Vec<OsString> {
    let mut command = Command::new(clang);
    command.args(["-v", "-E", "-x", "c", "/dev/null"]);
    let said = run::stderr(&mut command).unwrap_or_default();
    let mut flags = vec![format!("-D__TARGET_ARCH_{}", kernel_arch(ARCH)).into()];
    for dir in searched(&said) {
        flags.extend(["-idirafter".into(), dir.into()]);
    }
    flags
}

/// The folders that clang says it searches.
fn searched(said: &str) -> Vec<&str> {
    said.lines()
        .skip_while(|line| !line.starts_with("#include <...> search starts here"))
        .skip(1)
        .take_while(|line| !line.starts_with("End of search list"))
        .map(str::trim)
        .collect()
}

/// The kernel's name of an architecture, which `bpf_tracing.h` asks for.
fn kernel_arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        "riscv64" => "riscv",
        "s390x" => "s390",
        "powerpc64" => "powerpc",
        "loongarch64" => "loongarch",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_says_where_it_searches() {
        let said = "clang -cc1 …\n#include \"...\" search starts here:\n\
                    #include <...> search starts here:\n /usr/lib/clang/22/include\n \
                    /usr/include/aarch64-linux-gnu\nEnd of search list.\nrest\n";
        assert_eq!(searched(said), ["/usr/lib/clang/22/include", "/usr/include/aarch64-linux-gnu"]);
        assert!(searched("clang: error").is_empty());
    }

    #[test]
    fn libbpf_s_headers_are_those_of_bpf_programs() {
        let dir = tempfile::tempdir().unwrap();
        let include = libbpf(dir.path()).unwrap();
        for name in ["bpf_helpers.h", "bpf_helper_defs.h", "bpf_tracing.h", "bpf_core_read.h"] {
            let text = fs::read_to_string(include.join("bpf").join(name)).unwrap();
            assert!(text.contains("#ifndef __BPF") || name == "bpf_helper_defs.h", "{name}");
        }
        assert!(!include.join("bpf/libbpf.h").exists());
        // A second build writes nothing.
        let file = include.join("bpf/bpf_helpers.h");
        let before = fs::metadata(&file).unwrap().modified().unwrap();
        libbpf(dir.path()).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    }
}
