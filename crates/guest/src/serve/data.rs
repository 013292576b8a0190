// SPDX-License-Identifier: GPL-2.0-only
//! The device with the data file, and runs on it.

use crate::agent::Agent;
use crate::error::Context;
use crate::table::{Host, Serve, Table};
use crate::workload::Stage;
use crate::{modules, policy};
use raext_model::requests::{
    CachedPasses, DataDevice, RunCourse, RunWorkload, SetReadahead, SetupDevice,
};
use raext_model::{CourseRun, Failure, Passed, Sample};
use std::time::Duration;

pub(super) fn requests(table: Table<Agent>) -> Table<Agent> {
    table
        .with::<SetupDevice>()
        .with::<RunWorkload>()
        .with::<RunCourse>()
        .with::<SetReadahead>()
        .with::<DataDevice>()
        .with::<CachedPasses>()
}

impl Serve<SetupDevice> for Agent {
    fn serve(&mut self, setup: SetupDevice, host: &mut dyn Host) -> Result<(), Failure> {
        // The old device first: there is one at a time.
        self.clear_device();
        modules::load_for(setup.device.fs.name())?;
        let stage = Stage::new(&setup.device, &mut |text| host.progress(text));
        self.stage = Some(stage.context(|| "set up the device".into())?);
        Ok(())
    }
}

impl Serve<RunWorkload> for Agent {
    fn serve(&mut self, run: RunWorkload, _: &mut dyn Host) -> Result<Sample, Failure> {
        let sample = self.stage()?.run(&run.spec, &policy::decisions);
        sample.context(|| format!("run {}", run.spec.workload))
    }
}

impl Serve<RunCourse> for Agent {
    fn serve(&mut self, run: RunCourse, _: &mut dyn Host) -> Result<CourseRun, Failure> {
        let limit = run.limit_ms.map_or(Duration::MAX, Duration::from_millis);
        let stage = self.stage()?;
        let outcome = stage.run_course(&run.course, run.cached, limit, &policy::decisions);
        outcome.context(|| "run a course".into())
    }
}

impl Serve<SetReadahead> for Agent {
    fn serve(&mut self, set: SetReadahead, _: &mut dyn Host) -> Result<(), Failure> {
        let setting = self.readahead_setting()?;
        self.readahead.set(&setting, set.kb)
    }
}

impl Serve<DataDevice> for Agent {
    fn serve(&mut self, _: DataDevice, _: &mut dyn Host) -> Result<u32, Failure> {
        self.data_device()
    }
}

impl Serve<CachedPasses> for Agent {
    fn serve(&mut self, ask: CachedPasses, _: &mut dyn Host) -> Result<Vec<Passed>, Failure> {
        let passes = self.stage()?.cached_passes(ask.access, ask.passes);
        passes.context(|| "read the cached data".into())
    }
}
