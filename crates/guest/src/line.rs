// SPDX-License-Identifier: GPL-2.0-only
//! Messages to and from the host, over any stream.

use crate::error::Context;
use crate::table::{ForProgram, Host};
use raext_model::{Failure, FromAgent, Stream, ToAgent, WireError, read_message, write_message};
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// A stream that carries messages.
pub struct Line<S>(BufReader<S>);

impl<S: Read + Write + AsFd> Line<S> {
    /// A line over a stream.
    pub fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    /// Wait for the next message.
    ///
    /// # Errors
    /// [`WireError::Closed`] when the host is gone.
    pub fn receive(&mut self) -> Result<ToAgent, WireError> {
        read_message(&mut self.0)
    }

    /// Send a message.
    ///
    /// # Errors
    /// When the host is gone or the stream fails.
    pub fn send(&mut self, message: &FromAgent) -> Result<(), WireError> {
        write_message(self.0.get_mut(), message)
    }

    fn tell(&mut self, message: &FromAgent) -> Result<(), Failure> {
        self.send(message).context(|| "send to the host".into())
    }
}

impl<S: Read + Write + AsFd> Host for Line<S> {
    fn progress(&mut self, text: &str) {
        let _ = self.send(&FromAgent::Progress(text.to_owned()));
    }

    fn output(&mut self, stream: Stream, data: &[u8]) -> Result<(), Failure> {
        self.tell(&FromAgent::Output { stream, data: data.to_owned() })
    }

    fn want_input(&mut self) -> Result<(), Failure> {
        self.tell(&FromAgent::WantInput {})
    }

    fn hear(&mut self) -> Result<ForProgram, Failure> {
        match self.receive().context(|| "listen to the host".into())? {
            ToAgent::Input { input } => Ok(ForProgram::Input(input)),
            ToAgent::Kill { .. } => Ok(ForProgram::Kill),
            ToAgent::Ask(other) => {
                let why = format!("a program runs, and this was asked for: {}", other.ask);
                Err(Failure { what: "listen to the host".into(), why })
            }
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }

    fn has_begun(&self) -> bool {
        !self.0.buffer().is_empty()
    }
}
