// SPDX-License-Identifier: GPL-2.0-only
//! Requests that only tests send.

use crate::agent::Agent;
use crate::error::Context;
use crate::table::{Host, Serve, Table};
use crate::workload::Cgroup;
use crate::{churn, groups, sight, strain, unload};
use raext_model::requests::testing::{
    BreakDevice, Churn, DropVolume, MakeCgroup, ReadAll, RunTogether, Stress, UnloadModule,
};
use raext_model::{Failure, Sample, Sight, StressReport};

pub(super) fn requests(table: Table<Agent>) -> Table<Agent> {
    table
        .with::<UnloadModule>()
        .with::<Churn>()
        .with::<Stress>()
        .with::<BreakDevice>()
        .with::<ReadAll>()
        .with::<MakeCgroup>()
        .with::<RunTogether>()
        .with::<DropVolume>()
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
        self.stage()?.spoil(&broken.offsets).context(|| "break the device".into())
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
