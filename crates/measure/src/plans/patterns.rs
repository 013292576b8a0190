// SPDX-License-Identifier: GPL-2.0-only
//! Access patterns on one device, all on the same data file: what `raext compare`
//! measures, every byte verified.

use crate::experiment::{Flaw, How, Outcome, Pattern, Place, Work, WorkLine};
use crate::plans::device::SharedDevice;
use crate::report::pattern_outcome;
use raext_model::requests::RunWorkload;
use raext_model::{Device, WorkloadSpec};
use raext_vm::{Machine, Session};

/// One run of a pattern. The first pattern of a plan makes the device.
pub(super) struct OnePattern {
    pub(super) line: WorkLine,
    pub(super) device: Device,
    pub(super) spec: WorkloadSpec,
    pub(super) made: SharedDevice,
}

impl OnePattern {
    pub(super) fn new(device: Device, spec: WorkloadSpec, made: &SharedDevice) -> Self {
        let place = Place { device: device.profile, fs: device.fs };
        let line = WorkLine::of_pattern(place, Pattern { spec, data_bytes: device.data_bytes });
        Self { line, device, spec, made: made.clone() }
    }
}

/// A work for each pattern.
pub fn patterns(device: Device, specs: Vec<WorkloadSpec>) -> Vec<Box<dyn Work>> {
    let made = SharedDevice::default();
    let work = |spec| Box::new(OnePattern::new(device, spec, &made)) as Box<dyn Work>;
    specs.into_iter().map(work).collect()
}

impl Work for OnePattern {
    fn name(&self) -> &str {
        &self.line.name
    }

    fn describe(&self) -> &str {
        &self.line.describe
    }

    fn place(&self) -> Place {
        self.line.place
    }

    fn definition(&self) -> String {
        self.line.definition.clone()
    }

    fn provide(&mut self, _: &mut Machine) -> Result<(), Flaw> {
        self.made.forget();
        Ok(())
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        self.made.make(session, self.device)?;
        Ok(())
    }

    fn run(&mut self, session: &mut Session, _: &How) -> Result<Outcome, Flaw> {
        Ok(pattern_outcome(self.spec, &session.ask(RunWorkload { spec: self.spec })?))
    }

    fn pattern(&self) -> Option<Pattern> {
        self.line.pattern
    }
}
