// SPDX-License-Identifier: GPL-2.0-only
//! The line to an agent, as a session sees it.
//!
//! [`crate::Port`] is the line to a machine. A [`Socket`] alone is enough for an
//! agent without a machine, so that a session can be tested in milliseconds.

use crate::machine::VmError;
use raext_model::WireError;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Makes a [`Transport::next`] that waits return early, from any thread.
pub type Waker = Box<dyn Fn() + Send>;

/// A line to an agent: lines of text there and back.
pub trait Transport {
    /// Send a line.
    ///
    /// # Errors
    /// When the agent is lost, now or before; the transport is not alive afterwards.
    fn send(&mut self, line: &str) -> Result<(), VmError>;

    /// The next line; `None` at the deadline, or early after a [`Waker`]'s call.
    ///
    /// # Errors
    /// When the agent is lost; the transport is not alive afterwards.
    fn next(&mut self, by: Instant) -> Result<Option<String>, VmError>;

    /// A way to wake [`Transport::next`].
    fn waker(&self) -> Waker;

    /// Whether the agent can still be asked.
    fn is_alive(&self) -> bool;

    /// End the agent at once. Returns its last words beside the line, for an error.
    fn end(&mut self) -> String;

    /// Wait until the agent, switched off, has ended.
    ///
    /// # Errors
    /// When it does not end in time, or not in good order.
    fn wait_end(&mut self, within: Duration) -> Result<(), VmError>;
}

enum Event {
    Line(String),
    End(WireError),
    Woken,
}

/// A socket that carries lines. A thread reads it.
#[derive(Debug)]
pub struct Socket {
    stream: UnixStream,
    events: Receiver<Event>,
    wake: Sender<Event>,
    is_alive: bool,
}

impl Socket {
    /// Lines over a connected socket.
    ///
    /// # Errors
    /// When the socket cannot be shared with a thread.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        let (wake, events) = channel();
        let (from, to) = (stream.try_clone()?, wake.clone());
        thread::spawn(move || listen(from, &to));
        Ok(Self { stream, events, wake, is_alive: true })
    }

    /// Send a line. False: the other side is gone.
    pub(crate) fn write(&mut self, line: &str) -> bool {
        self.stream.write_all(line.as_bytes()).is_ok()
    }

    /// As [`Transport::next`], with the error of the line.
    pub(crate) fn read(&mut self, by: Instant) -> Result<Option<String>, WireError> {
        match self.events.recv_timeout(by.saturating_duration_since(Instant::now())) {
            Ok(Event::Line(line)) => Ok(Some(line)),
            Ok(Event::End(error)) => Err(error),
            Ok(Event::Woken) | Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(WireError::Closed),
        }
    }

    pub(crate) fn wake(&self) -> impl Fn() + Send + use<> {
        let wake = self.wake.clone();
        move || {
            // Without a receiver, the transport was dropped.
            let _ = wake.send(Event::Woken);
        }
    }

    fn lost(&mut self) -> VmError {
        self.is_alive = false;
        VmError::Gone
    }
}

impl Transport for Socket {
    fn send(&mut self, line: &str) -> Result<(), VmError> {
        if self.is_alive && self.write(line) { Ok(()) } else { Err(self.lost()) }
    }

    fn next(&mut self, by: Instant) -> Result<Option<String>, VmError> {
        self.read(by).map_err(|_| self.lost())
    }

    fn waker(&self) -> Waker {
        Box::new(self.wake())
    }

    fn is_alive(&self) -> bool {
        self.is_alive
    }

    fn end(&mut self) -> String {
        self.is_alive = false;
        // The other side may have closed it, which is the same end.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        String::new()
    }

    fn wait_end(&mut self, within: Duration) -> Result<(), VmError> {
        let by = Instant::now() + within;
        loop {
            match self.read(by) {
                Err(_) => return Ok(()),
                Ok(None) if Instant::now() >= by => {
                    self.end();
                    return Err(VmError::Gone);
                }
                Ok(_) => {}
            }
        }
    }
}

/// Pass on each line, to the end of the socket.
fn listen(from: UnixStream, to: &Sender<Event>) {
    let mut from = BufReader::new(from);
    loop {
        let mut line = String::new();
        let (event, is_last) = match from.read_line(&mut line) {
            Ok(0) => (Event::End(WireError::Closed), true),
            Ok(_) => (Event::Line(line), false),
            Err(error) => (Event::End(WireError::Io(error)), true),
        };
        if to.send(event).is_err() || is_last {
            return;
        }
    }
}
