// SPDX-License-Identifier: GPL-2.0-only
//! The files of a program itself, which are in the cache before it is measured:
//! they come from this machine, not from the device.

use raext_vm::libraries;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The files that every dynamic program reads.
const OF_THE_LINKER: &str = "/etc/ld.so.cache";
/// Larger ones are left where they are.
const LARGEST: u64 = 128 << 20;
/// A script's interpreter may be a script.
const DEPTH: u32 = 3;

/// The program `name` along `path`, its interpreter and libraries, as far as they
/// are found; those in `data` are to stay cold.
pub(super) fn of(name: &str, cwd: &Path, path: &OsStr, data: &[PathBuf]) -> Vec<String> {
    let mut files = vec![PathBuf::from(OF_THE_LINKER)];
    if let Some(program) = look_up(name, cwd, path) {
        collect(&program, path, DEPTH, &mut files);
    }
    files.retain(|file| {
        let fits = fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
        let real = fs::canonicalize(file).unwrap_or_else(|_| file.clone());
        fits && !data.iter().any(|folder| real.starts_with(folder))
    });
    files.iter().filter_map(|file| file.to_str().map(str::to_owned)).collect()
}

fn look_up(name: &str, cwd: &Path, path: &OsStr) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(cwd.join(name));
    }
    std::env::split_paths(path).map(|dir| dir.join(name)).find(|path| path.is_file())
}

fn collect(program: &Path, path: &OsStr, depth: u32, files: &mut Vec<PathBuf>) {
    files.push(program.to_owned());
    let Ok(content) = fs::read(program) else { return };
    if let Some(line) = content.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(interpreter) = words.next().map(|word| Path::new(OsStr::from_bytes(word))) else {
            return;
        };
        if depth == 0 {
            return;
        }
        collect(interpreter, path, depth - 1, files);
        // `#!/usr/bin/env python3`
        if interpreter.file_name() == Some(OsStr::new("env"))
            && let Some(name) = words.next().and_then(|word| str::from_utf8(word).ok())
            && let Some(program) = look_up(name, Path::new("/"), path)
        {
            collect(&program, path, depth - 1, files);
        }
    } else if let Ok(libraries) = libraries(program, &content) {
        files.extend(libraries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_with_its_libraries_and_a_script_with_its_interpreter() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        fs::write(&script, "#!/usr/bin/env sh\nls\n").unwrap();
        let path = OsStr::new("/usr/bin:/bin");
        let files = of("./script", dir.path(), path, &[]);
        assert!(files.iter().any(|file| file.ends_with("/script")), "{files:?}");
        assert!(files.iter().any(|file| file.ends_with("/env")), "{files:?}");
        assert!(files.iter().any(|file| file.ends_with("/sh")), "{files:?}");
        assert!(files.iter().any(|file| file.contains("/libc.so")), "{files:?}");
        let real = dir.path().canonicalize().unwrap();
        let files = of("./script", dir.path(), path, &[real]);
        assert!(!files.iter().any(|file| file.ends_with("/script")), "{files:?}");
        assert!(of("no-such-program", Path::new("/"), path, &[]).len() <= 1);
    }
}
