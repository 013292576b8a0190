// SPDX-License-Identifier: GPL-2.0-only
//! The device that the works of a plan share: each machine makes it once.

use crate::experiment::Flaw;
use raext_model::Device;
use raext_model::requests::SetupDevice;
use raext_vm::Session;
use std::cell::Cell;
use std::rc::Rc;

/// The device that the machine at hand has, if any.
#[derive(Clone, Default)]
pub(super) struct SharedDevice(Rc<Cell<Option<Device>>>);

impl SharedDevice {
    /// A new machine has no device.
    pub(super) fn forget(&self) {
        self.0.set(None);
    }

    /// Make the device, unless the machine has it. Returns whether it was made.
    pub(super) fn make(&self, session: &mut Session, device: Device) -> Result<bool, Flaw> {
        if self.0.get() == Some(device) {
            return Ok(false);
        }
        self.forget();
        session.ask(SetupDevice { device })?;
        self.0.set(Some(device));
        Ok(true)
    }
}
