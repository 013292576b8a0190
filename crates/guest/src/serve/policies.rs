// SPDX-License-Identifier: GPL-2.0-only
//! Policies: checked, attached, counted, detached.

use crate::agent::Agent;
use crate::policy;
use crate::table::{Host, Serve, Table};
use raext_model::requests::{Attach, Check, Counts, Detach, ReadCounters, SetTiming};
use raext_model::{Failure, LoadOutcome};

pub(super) fn requests(table: Table<Agent>) -> Table<Agent> {
    table
        .with::<Check>()
        .with::<Attach>()
        .with::<Detach>()
        .with::<SetTiming>()
        .with::<ReadCounters>()
}

impl Serve<Check> for Agent {
    fn serve(&mut self, check: Check, _: &mut dyn Host) -> Result<LoadOutcome, Failure> {
        policy::check(&check.object, &check.set)
    }
}

impl Serve<Attach> for Agent {
    fn serve(&mut self, attach: Attach, _: &mut dyn Host) -> Result<LoadOutcome, Failure> {
        Ok(match policy::attach(&attach.object, &attach.set, &attach.placement)? {
            Ok(attached) => {
                self.attached.push(attached);
                LoadOutcome::accepted()
            }
            Err(outcome) => outcome,
        })
    }
}

impl Serve<Detach> for Agent {
    fn serve(&mut self, _: Detach, _: &mut dyn Host) -> Result<(), Failure> {
        if self.attached.is_empty() {
            return Err(Failure { what: "detach".into(), why: "no policy is attached".into() });
        }
        self.attached.drain(..).try_for_each(policy::detach)
    }
}

impl Serve<SetTiming> for Agent {
    fn serve(&mut self, timing: SetTiming, _: &mut dyn Host) -> Result<(), Failure> {
        policy::set_timing(timing.on)
    }
}

impl Serve<ReadCounters> for Agent {
    fn serve(&mut self, _: ReadCounters, _: &mut dyn Host) -> Result<Counts, Failure> {
        Ok(policy::counts())
    }
}
