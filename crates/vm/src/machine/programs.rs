// SPDX-License-Identifier: GPL-2.0-only
//! From a configuration to an initramfs with everything in it.

use crate::machine::config::{Source, VmConfig};
use crate::machine::initramfs::Initramfs;
use crate::machine::{VmError, libs};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Where administrators' programs are, which the `PATH` of others lacks.
const SBIN: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Collect the files of the guest.
///
/// # Errors
/// When one cannot be read, or a program is missing or lacks a library.
pub(super) fn collect(config: &VmConfig) -> Result<Initramfs, VmError> {
    let mut initramfs = Initramfs::default();
    initramfs.add("/init", read(&config.agent)?, 0o755)?;
    let mut order = String::new();
    for module in &config.modules {
        initramfs.add(&format!("/modules/{}.ko", module.name), module.image.clone(), 0o644)?;
        order += &format!("{}\n", module.name);
    }
    initramfs.add("/modules/order", order.into_bytes(), 0o644)?;
    for program in &config.programs {
        add_program(&mut initramfs, program)?;
    }
    for file in &config.files {
        let content = match &file.source {
            Source::Host(path) => read(path)?,
            Source::Bytes(bytes) => bytes.clone(),
        };
        initramfs.add(&file.guest, content, file.mode)?;
    }
    Ok(initramfs)
}

fn add_program(initramfs: &mut Initramfs, program: &Path) -> Result<(), VmError> {
    let path = look_up(program, true)
        .ok_or_else(|| VmError::NoProgram { name: program.display().to_string() })?;
    let content = read(&path)?;
    for (library, content) in libs::closure(&path, &content)? {
        let library = utf8(&library)?;
        if !initramfs.has(library) {
            initramfs.add(library, content, 0o755)?;
        }
    }
    // A program from elsewhere must be found by its name in the guest too.
    if let (false, Some(name)) = (path.parent().is_some_and(in_guest_path), path.file_name()) {
        let name = utf8(Path::new(name))?;
        initramfs.add(&format!("/bin/{name}"), content.clone(), 0o755)?;
    }
    initramfs.add(utf8(&path)?, content, 0o755)
}

/// Whether the agent looks for programs in this directory.
fn in_guest_path(dir: &Path) -> bool {
    const PATH: [&str; 6] =
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    PATH.iter().any(|place| dir == Path::new(place))
}

/// A program by its path, or by its name along `PATH` and, if wanted, `sbin`.
pub(super) fn look_up(program: &Path, sbin: bool) -> Option<PathBuf> {
    if program.components().count() > 1 {
        let path = std::path::absolute(program).ok()?;
        return path.is_file().then_some(path);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let sbin = if sbin { &SBIN[..] } else { &[] };
    env::split_paths(&path)
        .chain(sbin.iter().map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|path| path.is_absolute() && path.is_file())
}

fn read(path: &Path) -> Result<Vec<u8>, VmError> {
    fs::read(path).map_err(|source| VmError::File { path: path.to_owned(), source })
}

fn utf8(path: &Path) -> Result<&str, VmError> {
    path.to_str().ok_or_else(|| VmError::GuestPath { path: path.display().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{GuestFile, GuestModule};
    use raext_model::{Classified as _, Kind};

    #[test]
    fn the_agent_the_modules_and_the_files_are_in_their_places() {
        let own = env::current_exe().unwrap();
        let mut config = VmConfig::new("/no/kernel", &own);
        config.modules = ["configfs", "null_blk"]
            .map(|name| GuestModule { name: name.into(), image: vec![1, 2] })
            .into();
        let source = Source::Bytes(vec![3]);
        config.files = vec![GuestFile { guest: "/policy/noop.o".into(), source, mode: 0o644 }];
        config.programs = vec![own.clone()];
        let initramfs = collect(&config).unwrap();
        for path in ["/init", "/modules/configfs.ko", "/modules/null_blk.ko", "/policy/noop.o"] {
            assert!(initramfs.has(path), "{path}");
        }
        assert!(initramfs.has(own.to_str().unwrap()));
        let name = own.file_name().unwrap().to_str().unwrap();
        assert!(initramfs.has(&format!("/bin/{name}")));
        let mut archive = Vec::new();
        initramfs.write(&mut archive).unwrap();
        let order = b"configfs\nnull_blk\n";
        assert!(archive.windows(order.len()).any(|part| part == order));
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut config = VmConfig::new("/no/kernel", "/no/agent");
        let error = collect(&config).unwrap_err();
        assert!(error.to_string().starts_with("/no/agent: "), "{error}");
        config.agent = env::current_exe().unwrap();
        config.programs = vec!["mkfs.of-no-such-kind".into()];
        let error = collect(&config).unwrap_err();
        assert!(
            matches!(error, VmError::NoProgram { .. }) && error.kind() == Kind::Environment,
            "{error}"
        );
    }
}
