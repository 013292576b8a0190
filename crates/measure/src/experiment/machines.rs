// SPDX-License-Identifier: GPL-2.0-only
//! What an experiment needs of a machine, so that a fake one can stand in for it.

use crate::experiment::{BenchError, Contender, Flaw, Policy};
use raext_model::Placement;
use raext_vm::{Engine, GuestObject, Setup};

/// Boots machines.
pub trait Machines {
    /// What is booted.
    type Machine: Machine;

    /// Boot one.
    ///
    /// # Errors
    /// When there is none to be had.
    fn boot(&mut self, setup: Setup, step: &dyn Fn(&str)) -> Result<Self::Machine, BenchError>;
}

/// A booted machine.
pub trait Machine {
    /// How its instructions are carried out.
    fn accelerator(&self) -> String;

    /// Put a contender into force: on the data's device alone, or everywhere.
    ///
    /// # Errors
    /// When it is refused, or the machine ended.
    fn apply(&mut self, at: usize, contender: &Contender, everywhere: bool) -> Result<(), Flaw>;

    /// Make the kernel what it was before [`Machine::apply`].
    ///
    /// # Errors
    /// When that fails, or the machine ended.
    fn release(&mut self, contender: &Contender) -> Result<(), Flaw>;

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
    type Machine = Engine;

    fn boot(&mut self, setup: Setup, step: &dyn Fn(&str)) -> Result<Engine, BenchError> {
        Ok(if self.counting {
            Engine::start_counting(&setup.kernel, setup.objects, step)?
        } else {
            Engine::start_with(setup, step)?
        })
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

impl Machine for Engine {
    fn accelerator(&self) -> String {
        Self::accelerator(self)
    }

    fn apply(&mut self, at: usize, contender: &Contender, everywhere: bool) -> Result<(), Flaw> {
        let quiet = |_: &str| {};
        if let Some(kb) = contender.read_ahead_kb() {
            self.set_readahead(Some(kb), &quiet)?;
        }
        if let Contender::Policy(Policy { label, set, .. }) = contender {
            let dev = if everywhere { 0 } else { self.data_device(&quiet)? };
            let placement = Placement { dev, ..Placement::default() };
            self.attach_at(&guest(at), set, placement, &quiet).map_err(|error| match error {
                raext_vm::EngineError::Refused(_) => {
                    raext_vm::EngineError::Refused(label.clone()).into()
                }
                other => Flaw::from(other),
            })?;
        }
        Ok(())
    }

    fn release(&mut self, contender: &Contender) -> Result<(), Flaw> {
        let quiet = |_: &str| {};
        if matches!(contender, Contender::Policy(_)) {
            self.detach(&quiet)?;
        }
        if contender.read_ahead_kb().is_some() {
            self.set_readahead(None, &quiet)?;
        }
        Ok(())
    }

    fn stop(self) {
        // It has said all that it had to.
        let _ = Self::stop(self);
    }
}
