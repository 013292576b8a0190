// SPDX-License-Identifier: GPL-2.0-only
//! Programs of the host in the microVM.
//!
//! The order is: [`MakeRoot`] once,
//! [`MakeVolume`](raext_model::requests::MakeVolume) for each data set, then
//! [`DropCaches`](raext_model::requests::DropCaches) and a run, again and again.

use crate::{Session, SessionError, Transport};
use raext_model::requests::{EndProgram, MakeRoot, RunProgram};
use raext_model::{Converse, Program, Ran, Stream};
use std::io::Read;

/// The streams of a program that runs in the guest.
pub struct Streams<'a> {
    /// Gets the output as it comes. Once this returns false, the program is killed.
    pub output: &'a mut dyn FnMut(Stream, &[u8]) -> bool,
    /// The standard input; empty if absent. A thread of its own reads it.
    pub input: Option<Box<dyn Read + Send>>,
}

impl<'a> Streams<'a> {
    /// No input, and output for `output`.
    pub(crate) fn output(output: &'a mut dyn FnMut(Stream, &[u8]) -> bool) -> Self {
        Self { output, input: None }
    }
}

/// A program's end, with all of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended, and what it took.
    pub ran: Ran,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Captured {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// The request for a root of programs over these folders of the guest, the topmost
/// first, such as `/shares/TAG`.
pub fn root_over(layers: &[&str]) -> MakeRoot {
    MakeRoot {
        layers: layers.iter().map(|&layer| layer.to_owned()).collect(),
        as_user: !rustix::process::geteuid().is_root(),
    }
}

impl<T: Transport> Session<T> {
    /// Run a program to its end, with its streams.
    ///
    /// # Errors
    /// As [`Session::ask`]; not for the program's own failure.
    pub fn talk(&mut self, program: Program, streams: Streams<'_>) -> Result<Ran, SessionError> {
        let program = Program { input: streams.input.is_some(), ..program };
        self.converse(&RunProgram { program }, streams)
    }

    /// Run a program to its end, and keep its output.
    ///
    /// # Errors
    /// As [`Session::talk`].
    pub fn capture(&mut self, program: Program) -> Result<Captured, SessionError> {
        let program = Program { input: false, ..program };
        self.captured(&RunProgram { program })
    }

    /// End a program in the background, and keep its output.
    ///
    /// # Errors
    /// As [`Session::ask`].
    pub fn end_program(&mut self, end: EndProgram) -> Result<Captured, SessionError> {
        self.captured(&end)
    }

    fn captured<R: Converse>(&mut self, request: &R) -> Result<Captured, SessionError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut output = |stream, data: &[u8]| {
            match stream {
                Stream::Stdout => stdout.extend_from_slice(data),
                Stream::Stderr => stderr.extend_from_slice(data),
            }
            true
        };
        let ran = self.converse(request, Streams::output(&mut output))?;
        Ok(Captured { ran, stdout, stderr })
    }
}
