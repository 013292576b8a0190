// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's words on one thing.

use raext_guest::parts::kernel_log;
use raext_model::Failure;

/// The least severe level: for debugging.
const DEBUG: u32 = 7;

/// What the kernel said, of any level, from the last line with this text on: no
/// line if there is none.
///
/// # Errors
/// When the log cannot be read.
pub(super) fn since(text: &str) -> Result<Vec<String>, Failure> {
    let mut lines = kernel_log(DEBUG)?;
    let from = lines.iter().rposition(|line| line.contains(text)).unwrap_or(lines.len());
    Ok(lines.split_off(from))
}
