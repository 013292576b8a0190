// SPDX-License-Identifier: GPL-2.0-only
//! Why a row of real software has no figure.

use crate::experiment::Flaw;
use raext_kernel::KernelError;
use raext_model::{Classified, End, Kind, Ran};
use raext_vm::SessionError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The errors of software rows; each is one line for the cell of a table.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SoftwareError {
    /// There is no such row.
    #[error("no software row '{name}'; there are {known}")]
    NoSuchRow {
        /// The wanted name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The data set was not provided before the machine was started.
    #[error("the data set {0} was not provided")]
    Lacking(&'static str),
    /// The packages could not be had.
    #[error("{0}")]
    Packages(#[from] KernelError),
    /// The microVM or its agent.
    #[error("{0}")]
    Session(#[from] SessionError),
    /// A program did not end well.
    #[error("{program} {}: {said}", ended(.end))]
    Failed {
        /// The program's name.
        program: String,
        /// How it ended.
        end: End,
        /// The last thing it said.
        said: String,
    },
    /// A program was killed since it is too slow. That is a result, too.
    #[error("a program took longer than others by far")]
    Cut(Box<Ran>),
    /// A program ended well but did not print what it prints.
    #[error("{program} printed no {wanted}: {text}")]
    Output {
        /// The program's name.
        program: String,
        /// The missing figure.
        wanted: &'static str,
        /// The end of what it printed.
        text: String,
    },
    /// A program gave another answer than the right one.
    #[error("wrong answer: {what} is {got}, not {right}")]
    Answer {
        /// The question.
        what: &'static str,
        /// The answer.
        got: String,
        /// The right answer.
        right: String,
    },
    /// The file system of the host said no.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// The step that failed.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl SoftwareError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// Nothing that a program printed is what was looked for.
    pub(crate) fn output(program: &str, wanted: &'static str, text: &str) -> Self {
        Self::Output { program: program.to_owned(), wanted, text: tail(text) }
    }
}

impl Classified for SoftwareError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoSuchRow { .. } => Kind::Usage,
            Self::Packages(error) => error.kind(),
            Self::Session(error) => error.kind(),
            // Data sets lie in the cache.
            Self::Io { .. } => Kind::Environment,
            _ => Kind::Refused,
        }
    }
}

impl From<SoftwareError> for Flaw {
    fn from(error: SoftwareError) -> Self {
        match error {
            SoftwareError::Session(error) => error.into(),
            error if error.kind() == Kind::Environment => Self::Lacking(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// The end of a text, as one line.
pub(crate) fn tail(text: &str) -> String {
    const LONGEST: usize = 200;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let end = lines[lines.len().saturating_sub(2)..].join(" / ");
    let skip = end.chars().count().saturating_sub(LONGEST);
    if end.is_empty() { "nothing".into() } else { end.chars().skip(skip).collect() }
}

fn ended(end: &End) -> String {
    match end {
        End::Exit(status) => format!("failed with status {status}"),
        End::Signal(signal) => format!("was killed by signal {signal}"),
        End::Deadline => "did not end in time".into(),
        End::NotStarted(error) => {
            format!("was not started ({})", io::Error::from_raw_os_error(*error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_said_last_is_one_line() {
        assert_eq!(tail("a\n\nb \n c\n"), "b / c");
        assert_eq!(tail(" \n"), "nothing");
        assert_eq!(tail(&"x".repeat(1000)).len(), 200);
        let failed = SoftwareError::Failed {
            program: "rg".into(),
            end: End::Signal(11),
            said: tail("boom"),
        };
        assert_eq!(failed.to_string(), "rg was killed by signal 11: boom");
    }
}
