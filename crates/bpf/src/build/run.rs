// SPDX-License-Identifier: GPL-2.0-only
//! Running compilers.

use crate::build::BuildError;
use std::path::Path;
use std::process::{Command, Output};

/// Run to the end; a program that says no is no error here.
fn output(command: &mut Command) -> Result<Output, BuildError> {
    command.output().map_err(|source| BuildError::Spawn {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })
}

/// Run a compiler: what it printed and what it warned of, or its objections.
pub(super) fn compile(command: &mut Command, source: &Path) -> Result<Compiled, BuildError> {
    let output = output(command)?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        return Err(BuildError::Compiler { path: source.to_path_buf(), said });
    }
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Compiled { printed, warnings: said })
}

/// The warnings of a compiler that succeeded.
pub(super) struct Compiled {
    pub printed: String,
    pub warnings: String,
}

/// Standard error of a program that ends well.
pub(super) fn stderr(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Standard output of a program that ends well.
pub(super) fn stdout(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
