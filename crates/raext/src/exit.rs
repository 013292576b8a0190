// SPDX-License-Identifier: GPL-2.0-only
//! From the end of a command to its exit status.
//!
//! An error ends with the status of its [`raext_model::Kind`]: 1 for a refused input, 2 for
//! a usage error, 69 where the environment lacks something. A command that did its work
//! ends with an [`Exit`].

use raext_model::{Error, Kind};
use std::process::ExitCode;

/// The result of each command.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The end of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Done,
    /// The verdict on the input is a refusal, and it was printed.
    Refused,
    /// A signal ended it, and what there is was printed: 130, as a shell has it.
    Interrupted,
    /// The command under `raext try` ended with this status.
    Command(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Refused => Kind::Refused.status().into(),
            Exit::Interrupted => 130.into(),
            Exit::Command(status) => status.into(),
        }
    }
}

/// Print an error on one line; the status follows from its kind.
pub(crate) fn report(error: &Error) -> ExitCode {
    eprintln!("raext: {error}");
    error.kind().status().into()
}
