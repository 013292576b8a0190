// SPDX-License-Identifier: GPL-2.0-only
//! From an error to an exit status: 1 for a refused input, 2 for a usage error,
//! 69 (EX_UNAVAILABLE) when the environment lacks something.

use anyhow::Error;
use raext_model::{Classified, Kind};
use std::fmt;
use std::process::ExitCode;

/// An input was refused, or a measurement found wrong data.
pub const REFUSED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The environment lacks something.
pub const ENVIRONMENT: u8 = 69;

/// An error of the command itself, with the status it ends with.
#[derive(Debug)]
pub struct Stop {
    /// The exit status.
    pub status: u8,
    /// What is said, if there is something left to say.
    pub text: String,
}

impl Stop {
    /// The command line asks for something that cannot be.
    pub fn usage(text: impl Into<String>) -> Error {
        Self { status: USAGE, text: text.into() }.into()
    }

    /// The environment lacks something.
    pub fn environment(text: impl Into<String>) -> Error {
        Self { status: ENVIRONMENT, text: text.into() }.into()
    }

    /// The input is refused.
    pub fn refused(text: impl Into<String>) -> Error {
        Self { status: REFUSED, text: text.into() }.into()
    }

    /// The input is refused; what there is to say was printed already.
    pub fn refused_silently() -> Error {
        Self::silently(REFUSED)
    }

    /// End with this status, which is another program's own.
    pub fn silently(status: u8) -> Error {
        Self::with_status(status, "")
    }

    /// End with this status, which is not one of raext's.
    pub fn with_status(status: u8, text: impl Into<String>) -> Error {
        Self { status, text: text.into() }.into()
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Stop {}

/// Print the error on one line and choose the status.
pub fn report(error: &Error) -> ExitCode {
    let text = told(error);
    if !text.is_empty() {
        eprintln!("raext: {text}");
    }
    ExitCode::from(status(error))
}

/// The error with its causes, each once: some tell their cause themselves.
fn told(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn status(error: &Error) -> u8 {
    for cause in error.chain() {
        if let Some(stop) = cause.downcast_ref::<Stop>() {
            return stop.status;
        }
        let kind = kind_of::<raext_vm::EngineError>(cause)
            .or_else(|| kind_of::<raext_measure::experiment::BenchError>(cause))
            .or_else(|| kind_of::<raext_measure::software::SoftwareError>(cause))
            .or_else(|| kind_of::<raext_measure::learn::LearnError>(cause))
            .or_else(|| kind_of::<raext_kernel::KernelError>(cause))
            .or_else(|| kind_of::<raext_bpf::build::BuildError>(cause))
            .or_else(|| kind_of::<raext_bpf::load::LoadError>(cause));
        if let Some(kind) = kind {
            return kind.status();
        }
    }
    REFUSED
}

fn kind_of<E: Classified>(cause: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    cause.downcast_ref::<E>().map(Classified::kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_cause_is_told_once() {
        let error = std::io::Error::other("no room");
        let error = Err::<(), _>(error).context("writing x: no room").context("copying");
        assert_eq!(told(&error.unwrap_err()), "copying: writing x: no room");
        assert_eq!(told(&anyhow::anyhow!("a").context("b")), "b: a");
    }

    #[test]
    fn the_status_survives_context() {
        let error = Err::<(), _>(Stop::environment("no QEMU")).context("booting").unwrap_err();
        assert_eq!(status(&error), ENVIRONMENT);
        assert_eq!(status(&Stop::usage("twice")), USAGE);
        assert_eq!(status(&anyhow::anyhow!("no such file")), REFUSED);
    }
}
