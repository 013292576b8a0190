// SPDX-License-Identifier: GPL-2.0-only
//! Programs of the host: their root, their data, their runs.

use crate::agent::{Agent, no_root};
use crate::error::Context;
use crate::table::{Host, Serve, Table};
use crate::workload::{Bound, Root, Volume, drop_caches};
use crate::{loopback, modules, pass};
use raext_model::requests::{
    Bind, DropCaches, EndProgram, MakeRoot, MakeVolume, RunProgram, StartProgram,
};
use raext_model::{Caches, Failure, Fs, Ran, VolumeMade};
use std::path::Path;
use std::time::Duration;

pub(super) fn requests(table: Table<Agent>) -> Table<Agent> {
    table
        .with::<MakeRoot>()
        .with::<Bind>()
        .with::<MakeVolume>()
        .with::<DropCaches>()
        .with::<RunProgram>()
        .with::<StartProgram>()
        .with::<EndProgram>()
}

impl Serve<MakeRoot> for Agent {
    fn serve(&mut self, make: MakeRoot, _: &mut dyn Host) -> Result<(), Failure> {
        modules::load_for("overlay")?;
        loopback::up()?;
        self.clear_volume();
        self.bound.clear();
        self.root = None;
        let root = Root::new(&make.layers, make.as_user);
        self.root = Some(root.context(|| "make the root of programs".into())?);
        Ok(())
    }
}

impl Serve<Bind> for Agent {
    fn serve(&mut self, bind: Bind, _: &mut dyn Host) -> Result<(), Failure> {
        let Bind { from, at } = bind;
        let bound = Bound::new(Path::new(&from), self.root()?.path(), &at);
        self.bound.push(bound.context(|| format!("show {from} at {at}"))?);
        Ok(())
    }
}

impl Serve<MakeVolume> for Agent {
    fn serve(&mut self, make: MakeVolume, host: &mut dyn Host) -> Result<VolumeMade, Failure> {
        let spec = make.volume;
        if spec.fs == Fs::Raw {
            let why = "a raw device holds no folders".into();
            return Err(Failure { what: "make a volume".into(), why });
        }
        self.clear_device();
        modules::load_for(spec.fs.name())?;
        let made = Volume::new(&spec, self.root()?.path(), &mut |text| host.progress(text));
        let (volume, made) = made.context(|| "make the volume".into())?;
        self.volume = Some(volume);
        Ok(made)
    }
}

impl Serve<DropCaches> for Agent {
    fn serve(&mut self, drop: DropCaches, _: &mut dyn Host) -> Result<(), Failure> {
        let dropped = match &mut self.volume {
            Some(volume) => volume.chill(drop.caches),
            None => drop_caches(),
        };
        dropped.context(|| "drop the caches".into())?;
        if self.volume.is_some() && drop.caches == Caches::Volume {
            self.readahead.again(&self.readahead_setting()?)?;
        }
        Ok(())
    }
}

impl Serve<RunProgram> for Agent {
    fn serve(&mut self, run: RunProgram, host: &mut dyn Host) -> Result<Ran, Failure> {
        let id = self.next_program();
        pass::run(host, id, &run.program, self.root()?.path(), self.volume.as_ref())
    }
}

impl Serve<StartProgram> for Agent {
    fn serve(&mut self, start: StartProgram, _: &mut dyn Host) -> Result<u32, Failure> {
        let id = self.next_program();
        let root = self.root.as_ref().ok_or_else(no_root)?;
        self.background.start(id, &start.program, root.path(), self.volume.as_ref())
    }
}

impl Serve<EndProgram> for Agent {
    fn serve(&mut self, end: EndProgram, host: &mut dyn Host) -> Result<Ran, Failure> {
        let within = Duration::from_millis(end.within_ms);
        self.background.end(end.id, end.signal, within, self.volume.as_ref(), host)
    }
}
