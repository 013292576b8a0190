// SPDX-License-Identifier: GPL-2.0-only
//! Running compilers.

use crate::BuildError;
use std::process::{Command, Output};

/// Run to the end; a compiler that says no is no error here.
pub fn output(command: &mut Command) -> Result<Output, BuildError> {
    command.output().map_err(|source| BuildError::Spawn {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })
}

/// Standard output of a program that ends well.
pub fn stdout(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
