// SPDX-License-Identifier: GPL-2.0-only
//! A conversation with an agent: typed requests, typed answers.
//!
//! A session owns its progress and knows its deadlines. Most callers need
//! [`Session::boot`] and [`Session::ask`]; programs of the host have
//! [`Session::talk`] and [`Session::capture`].

use crate::input::Input;
use crate::machine::{VmConfig, VmError};
use crate::programs::Streams;
use crate::{Machine, Port, SessionError, Transport};
use raext_model::requests::{Attach, LoadModule, MountShare, PowerOff};
use raext_model::{
    Ask, FromAgent, Progress, Request, Silent, ToAgent, WireError, from_line, to_line,
};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A conversation with the agent at the other end of a transport.
pub struct Session<T: Transport = Port> {
    pub(crate) transport: T,
    pub(crate) progress: Rc<dyn Progress>,
    /// The longest silence of an agent that has a request.
    deadline: Duration,
    release: String,
}

impl Session {
    /// Get the kernel, build the module, boot, load the module, mount the shares.
    ///
    /// # Errors
    /// When one of these steps fails.
    pub fn boot(machine: Machine, progress: Rc<dyn Progress>) -> Result<Self, SessionError> {
        let tags: Vec<_> = machine.shares.iter().map(|share| share.tag.clone()).collect();
        let config = machine.assemble(Rc::clone(&progress))?;
        let mut session = Self::start(&config, progress)?;
        session.progress.step("loading the module");
        session.ask(LoadModule)?;
        for tag in tags {
            session.ask(MountShare { tag })?;
        }
        Ok(session)
    }

    /// Boot a machine as it is described, and load nothing into it.
    ///
    /// # Errors
    /// When it does not boot.
    pub fn start(config: &VmConfig, progress: Rc<dyn Progress>) -> Result<Self, VmError> {
        let port = Port::boot(config, &*progress)?;
        let start = port.started();
        let (hello, answer) = (config.boot_deadline, config.answer_deadline);
        let session = Self::open(port, progress, hello, answer)?;
        session.progress.step(&format!(
            "Linux {} is up after {:.1} s",
            session.release,
            start.elapsed().as_secs_f32()
        ));
        Ok(session)
    }

    /// KVM or TCG.
    pub fn accelerator(&self) -> String {
        self.transport.accel().to_string()
    }
}

impl<T: Transport> Session<T> {
    /// Wait for the hello of an agent.
    ///
    /// # Errors
    /// When the agent is not up by `hello_within`, or cannot be.
    pub fn open(
        mut transport: T,
        progress: Rc<dyn Progress>,
        hello_within: Duration,
        deadline: Duration,
    ) -> Result<Self, VmError> {
        let by = Instant::now() + hello_within;
        let release = match receive(&mut transport, by)? {
            Some(FromAgent::Hello { release }) => release,
            Some(FromAgent::Failed(failure)) => return Err(VmError::Setup(failure)),
            Some(other) => return Err(out_of_turn(&mut transport, &other)),
            None => {
                return Err(VmError::BootDeadline {
                    after: hello_within,
                    console: transport.end(),
                });
            }
        };
        Ok(Self { transport, progress, deadline, release })
    }

    /// `uname -r` of the guest.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Whether the agent can still be asked. The transport knows; the agent is not
    /// disturbed.
    pub fn is_alive(&self) -> bool {
        self.transport.is_alive()
    }

    /// The display of the session's steps.
    pub fn progress(&self) -> Rc<dyn Progress> {
        Rc::clone(&self.progress)
    }

    /// Send a request and wait for its answer. Output of a program is dropped.
    ///
    /// # Errors
    /// When the agent reports a failure ([`SessionError::Agent`]), or when the machine
    /// is lost: its kernel crashed, it was silent for too long, QEMU ended. A lost
    /// machine is of no use afterwards.
    pub fn ask<R: Request>(&mut self, request: R) -> Result<R::Answer, SessionError> {
        self.converse(&request, Streams::output(&mut |_, _| true))
    }

    /// Attach a policy.
    ///
    /// # Errors
    /// As [`Session::ask`], and when the verifier refuses the policy.
    pub fn attach(&mut self, attach: Attach) -> Result<(), SessionError> {
        let object = attach.object.clone();
        if self.ask(attach)?.accepted { Ok(()) } else { Err(SessionError::Refused(object)) }
    }

    /// Work without a display of the steps.
    pub fn quietly<A>(&mut self, work: impl FnOnce(&mut Self) -> A) -> A {
        let progress = std::mem::replace(&mut self.progress, Rc::new(Silent));
        let outcome = work(self);
        self.progress = progress;
        outcome
    }

    /// Switch the machine off in good order.
    ///
    /// # Errors
    /// When it crashes meanwhile, or does not end.
    pub fn stop(mut self) -> Result<(), SessionError> {
        match self.ask(PowerOff) {
            Ok(()) => {}
            // The answer may be lost on the way: the machine is off.
            Err(SessionError::Vm(VmError::Exited { status, .. })) if status.success() => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        Ok(self.transport.wait_end(self.deadline)?)
    }

    /// Send a request; pass output and input until the answer.
    pub(crate) fn converse<R: Request>(
        &mut self,
        request: &R,
        streams: Streams<'_>,
    ) -> Result<R::Answer, SessionError> {
        self.say(&ToAgent::Ask(Ask::new(request).map_err(VmError::Wire)?))?;
        let mut input = streams.input.map(|source| Input::new(source, self.transport.waker()));
        let mut is_heeded = true;
        let mut by = Instant::now() + self.deadline;
        loop {
            if let Some(input) = input.as_mut().and_then(Input::arrived) {
                self.say(&ToAgent::Input { input })?;
            }
            let Some(message) = receive(&mut self.transport, by)? else {
                if Instant::now() < by {
                    continue;
                }
                let console = self.transport.end();
                let request = R::NAME.replace('_', " ");
                let after = self.deadline;
                return Err(VmError::AnswerDeadline { request, after, console }.into());
            };
            by = Instant::now() + self.deadline;
            match message {
                FromAgent::Progress(text) => self.progress.step(&text),
                FromAgent::Output { stream, data } => {
                    if is_heeded && !(streams.output)(stream, &data) {
                        is_heeded = false;
                        self.say(&ToAgent::Kill { kill: true })?;
                    }
                }
                FromAgent::WantInput {} => {
                    // Without a source, or once that has ended: the end.
                    if !input.as_mut().is_some_and(Input::want) {
                        self.say(&ToAgent::Input { input: Vec::new() })?;
                    }
                }
                FromAgent::Answer(answer) => {
                    let line = answer.to_string();
                    return serde_json::from_value(answer).map_err(|source| {
                        self.transport.end();
                        VmError::Wire(WireError::Malformed { line, source }).into()
                    });
                }
                FromAgent::Failed(failure) => return Err(failure.into()),
                hello @ FromAgent::Hello { .. } => {
                    return Err(out_of_turn(&mut self.transport, &hello).into());
                }
            }
        }
    }

    fn say(&mut self, message: &ToAgent) -> Result<(), VmError> {
        self.transport.send(&to_line(message).map_err(VmError::Wire)?)
    }
}

/// The agent's next message; `None` at the deadline, or early when woken.
fn receive(transport: &mut impl Transport, by: Instant) -> Result<Option<FromAgent>, VmError> {
    loop {
        match transport.next(by)? {
            Some(line) if line.trim().is_empty() => {}
            Some(line) => {
                return from_line(&line).map(Some).map_err(|error| {
                    transport.end();
                    VmError::Wire(error)
                });
            }
            None => return Ok(None),
        }
    }
}

fn out_of_turn(transport: &mut impl Transport, message: &FromAgent) -> VmError {
    transport.end();
    VmError::OutOfTurn { reply: format!("{message:?}") }
}
