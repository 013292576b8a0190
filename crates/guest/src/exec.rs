// SPDX-License-Identifier: GPL-2.0-only
//! Programs of the guest, run for the host.

use crate::error::Context;
use raext_model::Failure;
use raext_model::requests::Exit;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};

/// Run a program to its end, its output captured, its input empty.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(argv: &[String]) -> Result<Exit, Failure> {
    let [program, arguments @ ..] = argv else {
        return Err(Failure { what: "run a program".into(), why: "no program was named".into() });
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context(|| format!("run {program}"))?;
    // One of the two is always there: a program that was waited for has ended.
    let signal = output.status.signal().unwrap_or_default();
    Ok(Exit {
        status: output.status.code().unwrap_or(128 + signal),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// `raext-agent sysrq KEY`: what a shell does with `echo KEY >
/// /proc/sysrq-trigger`, in a guest that has no shell. The tests use it to
/// make the kernel panic.
pub(crate) fn sysrq(key: Option<String>) -> ExitCode {
    let Some(key) = key else {
        eprintln!("raext-agent: sysrq: name the key");
        return ExitCode::from(2);
    };
    match fs::write("/proc/sysrq-trigger", key) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("raext-agent: write /proc/sysrq-trigger: {error}");
            ExitCode::FAILURE
        }
    }
}
