// SPDX-License-Identifier: GPL-2.0-only
//! The requests that an agent serves, by their names on the wire.
//!
//! The table is generic over the agent: the product's agent and the agent of the
//! tests have their own, and a unit test drives a small one without a machine.

use crate::line::Line;
use raext_model::{Ask, Failure, FromAgent, Request, Stream, ToAgent, WireError};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// The host, while the agent serves a request of it.
pub trait Host {
    /// Report the step that begins. The answer finds out whether the host is there.
    fn progress(&mut self, text: &str);

    /// Send output of a program.
    ///
    /// # Errors
    /// When the host is gone.
    fn output(&mut self, stream: Stream, data: &[u8]) -> Result<(), Failure>;

    /// Ask for input of a program; [`Host::hear`] has it later.
    ///
    /// # Errors
    /// When the host is gone.
    fn want_input(&mut self) -> Result<(), Failure>;

    /// The next word for the program that runs.
    ///
    /// # Errors
    /// When the host is gone, or asks for something else meanwhile.
    fn hear(&mut self) -> Result<ForProgram, Failure>;

    /// Readable when a word may have come.
    fn descriptor(&self) -> BorrowedFd<'_>;

    /// Whether a word has begun that the descriptor does not show.
    fn has_begun(&self) -> bool;
}

/// A word of the host for a program that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForProgram {
    /// Standard input; no bytes are its end.
    Input(Vec<u8>),
    /// Kill it, with its children.
    Kill,
}

/// An agent that carries out requests of one type.
pub trait Serve<R: Request> {
    /// Carry out a request.
    ///
    /// # Errors
    /// When a step fails; the failure goes to the host.
    fn serve(&mut self, request: R, host: &mut dyn Host) -> Result<R::Answer, Failure>;
}

/// Decodes a request, serves it, encodes the answer.
type Handler<A> = fn(&mut A, Ask, &mut dyn Host) -> Result<FromAgent, Failure>;

/// The requests of an agent.
pub struct Table<A>(BTreeMap<&'static str, Handler<A>>);

impl<A> Default for Table<A> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<A> Table<A> {
    /// A table without requests.
    pub fn new() -> Self {
        Self::default()
    }

    /// The table with one request more.
    ///
    /// # Panics
    /// When another request has the same name.
    #[must_use]
    pub fn with<R: Request>(mut self) -> Self
    where
        A: Serve<R>,
    {
        let before = self.0.insert(R::NAME, handle::<A, R>);
        assert!(before.is_none(), "two requests are named {}", R::NAME);
        self
    }

    /// Serve one message of the host. Returns false once the host is gone.
    ///
    /// # Errors
    /// When the line fails or brings a message that is none.
    pub fn turn<S: Read + Write + AsFd>(
        &self,
        agent: &mut A,
        line: &mut Line<S>,
    ) -> Result<bool, WireError> {
        let ask = match line.receive() {
            Ok(ToAgent::Ask(ask)) => ask,
            // The program of these words had just ended.
            Ok(ToAgent::Input { .. } | ToAgent::Kill { .. }) => return Ok(true),
            Err(WireError::Closed) => return Ok(false),
            Err(error) => return Err(error),
        };
        let answer = self.answer(agent, ask, line).unwrap_or_else(FromAgent::Failed);
        line.send(&answer)?;
        Ok(true)
    }

    fn answer(&self, agent: &mut A, ask: Ask, host: &mut dyn Host) -> Result<FromAgent, Failure> {
        let Some(handler) = self.0.get(ask.ask.as_str()) else {
            return Err(Failure {
                what: format!("serve the request '{}'", ask.ask),
                why: "this agent has none of that name; build it anew".into(),
            });
        };
        handler(agent, ask, host)
    }
}

fn handle<A: Serve<R>, R: Request>(
    agent: &mut A,
    ask: Ask,
    host: &mut dyn Host,
) -> Result<FromAgent, Failure> {
    let failure = |step: &str, error: serde_json::Error| Failure {
        what: format!("{step} '{}'", R::NAME),
        why: format!("{error}; build the agent anew"),
    };
    let request = serde_json::from_value(ask.with).map_err(|e| failure("read the request", e))?;
    let answer = agent.serve(request, host)?;
    let answer = serde_json::to_value(answer).map_err(|e| failure("write the answer to", e))?;
    Ok(FromAgent::Answer(answer))
}
