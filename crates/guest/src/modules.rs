// SPDX-License-Identifier: GPL-2.0-only
//! Kernel modules: those that the guest needs, and the one under test.

use crate::error::Context;
use raext_model::Failure;
use rustix::io::Errno;
use rustix::system::finit_module;
use std::fs::{self, File};
use std::path::Path;

/// Names of the modules to load at start, one a line, in order.
const ORDER: &str = "/modules/order";
/// The module under test; [`load_ours`] loads it, not the start.
const OURS: &str = "/readahead_ext.ko";

/// Load the modules listed in `/modules/order`, each from `/modules/NAME.ko`.
///
/// # Errors
/// When a file is missing or the kernel refuses it; its words are in the
/// kernel's log.
pub(crate) fn load_listed() -> Result<(), Failure> {
    load_order(ORDER)
}

/// Load what a file system (or a driver) needs, as listed in
/// `/modules/order.NAME`. Without such a list it is built in, or the kernel has none: mounting will tell.
///
/// # Errors
/// As [`load_listed`].
pub fn load_for(name: &str) -> Result<(), Failure> {
    load_order(&format!("{ORDER}.{name}"))
}

fn load_order(list: &str) -> Result<(), Failure> {
    let order = match fs::read_to_string(list) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.context(|| format!("read {list}"))?,
    };
    for name in order.lines().filter(|name| !name.is_empty()) {
        load(Path::new(&format!("/modules/{name}.ko")))?;
    }
    Ok(())
}

/// Load the module `readahead_ext`.
///
/// # Errors
/// When the VM was booted without it, or the kernel refuses it.
pub fn load_ours() -> Result<(), Failure> {
    load(Path::new(OURS))
}

fn load(path: &Path) -> Result<(), Failure> {
    let file = File::open(path).context(|| format!("open {}", path.display()))?;
    match finit_module(&file, c"", 0) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error).context(|| format!("load {}", path.display())),
    }
}
