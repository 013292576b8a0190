// SPDX-License-Identifier: GPL-2.0-only
//! The agent's side of the requests that only tests send.

mod act;
mod cgroup;
mod churn;
mod extents;
mod groups;
mod kmsg;
mod policy;
mod readers;
mod reads;
mod sight;
mod stage;
mod strain;
mod stress;
mod unload;
mod worker;

use crate::requests::{
    Act, Acted, BreakDevice, Churn, DropVolume, MakeCgroup, ReadAll, RunTogether, Sight, Stress,
    StressReport, UnloadModule,
};
use raext_guest::parts::{Cgroup, Context};
use raext_guest::{Agent, Host, Serve, Table};
use raext_model::{Failure, Sample};
use std::process::ExitCode;

/// The agent of the tests: the product's, these requests, and its workers.
pub fn run() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("work") {
        return worker::run();
    }
    raext_guest::run(&requests(raext_guest::product(Table::new())))
}

fn requests(table: Table<Agent>) -> Table<Agent> {
    table
        .with::<UnloadModule>()
        .with::<Churn>()
        .with::<Stress>()
        .with::<BreakDevice>()
        .with::<ReadAll>()
        .with::<MakeCgroup>()
        .with::<RunTogether>()
        .with::<DropVolume>()
        .with::<Act>()
}

impl Serve<UnloadModule> for Agent {
    fn serve(&mut self, _: UnloadModule, _: &mut dyn Host) -> Result<(), Failure> {
        unload::unload_released()
    }
}

impl Serve<Churn> for Agent {
    fn serve(&mut self, churn: Churn, host: &mut dyn Host) -> Result<(), Failure> {
        churn::run(&churn, self.stage()?, &mut |text| host.progress(text))
    }
}

impl Serve<Stress> for Agent {
    fn serve(&mut self, stress: Stress, host: &mut dyn Host) -> Result<StressReport, Failure> {
        self.clear_device();
        strain::run(&stress.spec, &mut |text| host.progress(text))
    }
}

impl Serve<BreakDevice> for Agent {
    fn serve(&mut self, broken: BreakDevice, _: &mut dyn Host) -> Result<(), Failure> {
        stage::spoil(self.stage()?, &broken.offsets).context(|| "break the device".into())
    }
}

impl Serve<ReadAll> for Agent {
    fn serve(&mut self, read: ReadAll, _: &mut dyn Host) -> Result<Sight, Failure> {
        sight::read_all(self.stage()?, read.by)
    }
}

impl Serve<MakeCgroup> for Agent {
    fn serve(&mut self, make: MakeCgroup, _: &mut dyn Host) -> Result<(), Failure> {
        let made = Cgroup::make(&make.name, make.memory_max);
        made.map(|_| ()).context(|| "make a cgroup".into())
    }
}

impl Serve<RunTogether> for Agent {
    fn serve(&mut self, run: RunTogether, _: &mut dyn Host) -> Result<Vec<Sample>, Failure> {
        groups::run(self.stage()?, &run.runs)
    }
}

impl Serve<DropVolume> for Agent {
    fn serve(&mut self, _: DropVolume, _: &mut dyn Host) -> Result<(), Failure> {
        self.clear_volume();
        Ok(())
    }
}

impl Serve<Act> for Agent {
    fn serve(&mut self, act: Act, _: &mut dyn Host) -> Result<Acted, Failure> {
        act::act(act)
    }
}
