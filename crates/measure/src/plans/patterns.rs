// SPDX-License-Identifier: GPL-2.0-only
//! Access patterns on one device, all on the same data file: what `raext compare`
//! measures, every byte verified.

use crate::experiment::{Flaw, How, Outcome, Pattern, Place, Work, WorkLine};
use crate::report::pattern_outcome;
use raext_model::requests::{RunWorkload, SetupDevice};
use raext_model::{Device, WorkloadSpec};
use raext_vm::{Machine, Session};
use std::cell::Cell;
use std::rc::Rc;

struct OnePattern {
    line: WorkLine,
    device: Device,
    spec: WorkloadSpec,
    /// Whether the device is there: the first pattern makes it.
    made: Rc<Cell<bool>>,
}

/// A work for each pattern.
pub fn patterns(device: Device, specs: Vec<WorkloadSpec>) -> Vec<Box<dyn Work>> {
    let made = Rc::default();
    let place = Place { device: device.profile, fs: device.fs };
    let work = |spec| {
        let line = WorkLine::of_pattern(place, Pattern { spec, data_bytes: device.data_bytes });
        let made = Rc::clone(&made);
        Box::new(OnePattern { line, device, spec, made }) as Box<dyn Work>
    };
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
        self.made.set(false);
        Ok(())
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        if !self.made.get() {
            session.ask(SetupDevice { device: self.device })?;
            self.made.set(true);
        }
        Ok(())
    }

    fn run(&mut self, session: &mut Session, _: &How) -> Result<Outcome, Flaw> {
        Ok(pattern_outcome(self.spec, &session.ask(RunWorkload { spec: self.spec })?))
    }

    fn pattern(&self) -> Option<Pattern> {
        self.line.pattern
    }
}
