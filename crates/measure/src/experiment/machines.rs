// SPDX-License-Identifier: GPL-2.0-only
//! What an experiment needs of a machine, so that a fake one can stand in for it.

use crate::experiment::{BenchError, Contender, Flaw, Policy};
use raext_model::requests::{Attach, DataDevice, Detach, SetReadahead};
use raext_model::{Placement, Progress};
use raext_vm::{GuestObject, Machine, Session, SessionError};
use std::rc::Rc;

/// Boots machines.
pub trait Machines {
    /// A booted machine.
    type Guest: Guest;

    /// Boot a machine; it owns its progress.
    ///
    /// # Errors
    /// When the machine cannot be had.
    fn boot(
        &mut self,
        machine: Machine,
        progress: Rc<dyn Progress>,
    ) -> Result<Self::Guest, BenchError>;
}

/// A booted machine.
pub trait Guest: Sized {
    /// How its instructions are carried out.
    fn accelerator(&self) -> String;

    /// Put a contender into force: on the data's device alone, or everywhere.
    ///
    /// # Errors
    /// When it is refused, or the machine ended.
    fn apply(&mut self, at: usize, contender: &Contender, everywhere: bool) -> Result<(), Flaw>;

    /// Make the kernel what it was before [`Guest::apply`].
    ///
    /// # Errors
    /// When that fails, or the machine ended.
    fn release(&mut self, contender: &Contender) -> Result<(), Flaw>;

    /// Work without a display of the steps.
    fn quietly<A>(&mut self, work: impl FnOnce(&mut Self) -> A) -> A {
        work(self)
    }

    /// Switch it off.
    fn stop(self);
}

/// MicroVMs of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct MicroVms {
    /// Whether their clocks count instructions: one is a nanosecond then.
    pub counting: bool,
}

impl Machines for MicroVms {
    type Guest = Session;

    fn boot(
        &mut self,
        machine: Machine,
        progress: Rc<dyn Progress>,
    ) -> Result<Session, BenchError> {
        let count_instructions = machine.count_instructions || self.counting;
        Ok(Session::boot(Machine { count_instructions, ..machine }, progress)?)
    }
}

/// The object file of a contender in the guest.
fn guest(at: usize) -> String {
    format!("/policies/{at}.bpf.o")
}

/// The object files of all contenders, for the guest.
pub(crate) fn objects(contenders: &[Contender]) -> Vec<GuestObject> {
    let object = |(at, contender): (usize, &Contender)| match contender {
        Contender::Policy(policy) => {
            Some(GuestObject { guest: guest(at), host: policy.object.clone(), executable: false })
        }
        _ => None,
    };
    contenders.iter().enumerate().filter_map(object).collect()
}

impl Guest for Session {
    fn accelerator(&self) -> String {
        Self::accelerator(self)
    }

    fn apply(&mut self, at: usize, contender: &Contender, everywhere: bool) -> Result<(), Flaw> {
        if let Some(kb) = contender.read_ahead_kb() {
            self.ask(SetReadahead { kb: Some(kb) })?;
        }
        if let Contender::Policy(Policy { label, set, .. }) = contender {
            let dev = if everywhere { 0 } else { self.ask(DataDevice)? };
            let placement = Placement { dev, ..Placement::default() };
            let attach = Attach { object: guest(at), set: set.clone(), placement };
            self.attach(attach).map_err(|error| match error {
                SessionError::Refused(_) => SessionError::Refused(label.clone()),
                other => other,
            })?;
        }
        Ok(())
    }

    fn release(&mut self, contender: &Contender) -> Result<(), Flaw> {
        if matches!(contender, Contender::Policy(_)) {
            self.ask(Detach)?;
        }
        if contender.read_ahead_kb().is_some() {
            self.ask(SetReadahead { kb: None })?;
        }
        Ok(())
    }

    fn quietly<A>(&mut self, work: impl FnOnce(&mut Self) -> A) -> A {
        Self::quietly(self, work)
    }

    fn stop(self) {
        // All measurements are there: a machine that does not end well changes none.
        let _ = Self::stop(self);
    }
}
