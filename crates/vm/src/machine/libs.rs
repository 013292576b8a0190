// SPDX-License-Identifier: GPL-2.0-only
//! The files that a dynamic program of the host needs to run elsewhere: its ELF
//! interpreter and its shared libraries, and theirs.

use crate::machine::VmError;
use object::Endianness;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, EM_X86_64, FileHeader64, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the dynamic linkers of the common distributions look by default; the
/// guest has no `ld.so.cache` that could name more.
const LIBRARY_DIRS: [&str; 6] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// The needs of one ELF file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    /// Path of the ELF interpreter; none for a library or a static program.
    interpreter: Option<String>,
    /// Names of libraries.
    libraries: Vec<String>,
    /// Directories to look into first.
    search: Vec<PathBuf>,
}

/// The program's interpreter and libraries, by their paths, with their
/// content. The program itself is not among them.
///
/// # Errors
/// When the program or a library is no x86-64 ELF file, or a library is missing.
pub(super) fn closure(
    program: &Path,
    content: &[u8],
) -> Result<BTreeMap<PathBuf, Vec<u8>>, VmError> {
    let mut found = BTreeMap::new();
    let mut todo = vec![(program.to_owned(), needs(program, content)?)];
    while let Some((file, needs)) = todo.pop() {
        let libraries = needs.libraries.iter().map(|name| {
            search(name, &needs.search)
                .ok_or_else(|| VmError::NoLibrary { name: name.clone(), needed_by: file.clone() })
        });
        let interpreter = needs.interpreter.iter().map(|path| Ok(PathBuf::from(path)));
        for path in libraries.chain(interpreter) {
            let path = path?;
            if found.contains_key(&path) {
                continue;
            }
            let content =
                fs::read(&path).map_err(|source| VmError::File { path: path.clone(), source })?;
            todo.push((path.clone(), self::needs(&path, &content)?));
            found.insert(path, content);
        }
    }
    Ok(found)
}

/// As [`closure`], without the contents.
///
/// # Errors
/// As [`closure`].
pub fn libraries(program: &Path, content: &[u8]) -> Result<Vec<PathBuf>, VmError> {
    Ok(closure(program, content)?.into_keys().collect())
}

/// The first file by that name which is a library of the right kind.
fn search(name: &str, first: &[PathBuf]) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name));
    }
    let dirs = first.iter().map(PathBuf::as_path).chain(LIBRARY_DIRS.map(Path::new));
    // A 32-bit library of the same name may lie in /lib or /usr/lib.
    dirs.map(|dir| dir.join(name))
        .find(|path| fs::read(path).is_ok_and(|content| needs(path, &content).is_ok()))
}

fn needs(path: &Path, content: &[u8]) -> Result<Needs, VmError> {
    read_needs(path, content)
        .map_err(|why| VmError::NotElf { path: path.to_owned(), why: why.to_string() })
}

fn read_needs(path: &Path, content: &[u8]) -> Result<Needs, Box<dyn std::error::Error>> {
    let elf = FileHeader64::<Endianness>::parse(content)?;
    let endian = elf.endian()?;
    if elf.e_machine(endian) != EM_X86_64 {
        return Err("made for another processor".into());
    }
    let mut needs = Needs::default();
    let segments = elf.program_headers(endian, content)?;
    for segment in segments {
        if segment.p_type(endian) == PT_INTERP {
            let name = segment.data(endian, content).map_err(|()| "a truncated interpreter")?;
            needs.interpreter = Some(std::str::from_utf8(name)?.trim_end_matches('\0').to_owned());
        }
    }
    let sections = elf.sections(endian, content)?;
    let Some((entries, strings)) = sections.dynamic(endian, content)? else {
        return Ok(needs);
    };
    let strings = sections.strings(endian, content, strings)?;
    let mut runpath = None;
    let mut rpath = None;
    for entry in entries {
        let text = || -> Result<String, Box<dyn std::error::Error>> {
            Ok(String::from_utf8(entry.string(endian, strings)?.to_vec())?)
        };
        match entry.tag(endian) {
            DT_NEEDED => needs.libraries.push(text()?),
            DT_RUNPATH => runpath = Some(text()?),
            DT_RPATH => rpath = Some(text()?),
            _ => {}
        }
    }
    // ld.so(8): DT_RPATH counts only where there is no DT_RUNPATH.
    let origin = path.parent().unwrap_or(Path::new("/")).to_string_lossy();
    for dir in runpath.or(rpath).unwrap_or_default().split(':').filter(|dir| !dir.is_empty()) {
        needs.search.push(dir.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin).into());
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closure_of_this_test_has_libc_and_the_dynamic_linker() {
        let own = std::env::current_exe().unwrap();
        let found = closure(&own, &fs::read(&own).unwrap()).unwrap();
        let names: Vec<_> = found.keys().map(|path| path.to_string_lossy()).collect();
        assert!(names.iter().any(|name| name.ends_with("/libc.so.6")), "{names:?}");
        assert!(names.iter().any(|name| name.ends_with("/ld-linux-x86-64.so.2")), "{names:?}");
        assert!(!found.contains_key(&own));
    }

    #[test]
    fn what_is_no_elf_file_is_refused_by_name() {
        let error = closure(Path::new("/bin/script"), b"#!/bin/sh\n").unwrap_err();
        assert!(matches!(error, VmError::NotElf { .. }));
        assert!(error.to_string().starts_with("/bin/script: "), "{error}");
    }

    #[test]
    fn a_missing_library_is_not_found() {
        assert_eq!(search("libnone-of-that-name.so.1", &[]), None);
    }
}
