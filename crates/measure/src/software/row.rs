// SPDX-License-Identifier: GPL-2.0-only
//! An entry of the catalogue on a device, as a row of the benchmark.

use crate::experiment::{CUT_BLIND, Flaw, How, Limit, Outcome, Place, Work};
use crate::software::SoftwareError;
use crate::software::catalogue::{Entry, catalogue, find};
use crate::software::dataset::{AGENT, Made, share};
use crate::software::guest::{DATA, Guest};
use crate::software::outcome::outcome;
use raext_kernel::Packages;
use raext_model::requests::{Bind, MakeVolume, MountDisk, UnmountDisk};
use raext_model::{Folder, Fs, Volume};
use raext_vm::{Machine, Session, root_over};

/// Room on a volume beside its data, bytes.
const SPARE: u64 = 64 << 20;
/// The guest's memory beside the volume and a cache that holds all of it, MiB.
const MEMORY_MIB: u32 = 768;

/// A row of real software.
pub struct SoftwareRow {
    entry: &'static Entry,
    place: Place,
    packages: Packages,
    made: Option<Made>,
    /// The versions of its packages, once they are there.
    versions: String,
}

impl SoftwareRow {
    /// The row of that name; its data is kept beside the packages.
    ///
    /// # Errors
    /// When no row has that name.
    pub fn new(name: &str, place: Place, packages: &Packages) -> Result<Self, SoftwareError> {
        let (entry, packages) = (find(name)?, packages.clone());
        Ok(Self { entry, place, packages, made: None, versions: String::new() })
    }

    /// Every row of the catalogue on a place; none where there are no files.
    ///
    /// # Errors
    /// When the cache's path cannot be resolved.
    pub fn all(place: Place, packages: &Packages) -> Result<Vec<Box<dyn Work>>, SoftwareError> {
        if place.fs == Fs::Raw {
            return Ok(Vec::new());
        }
        let row = |entry: &Entry| {
            let row = Self::new(entry.name, place, packages)?;
            Ok(Box::new(row) as Box<dyn Work>)
        };
        catalogue().map(row).collect()
    }

    fn get(&mut self, machine: &mut Machine) -> Result<(), SoftwareError> {
        let data = self.entry.data;
        let root = data.software.provide(&self.packages)?;
        let made = data.provide(&self.packages, &root, &machine.kernel)?;
        self.versions = data.software.versions(&root);
        let (share, disk) = (share(&self.packages), data.disk(&made));
        if !machine.shares.contains(&share) {
            machine.shares.push(share);
        }
        if !machine.disks.contains(&disk) {
            machine.disks.push(disk);
        }
        let memory = MEMORY_MIB + 2 * data.mib;
        machine.memory_mib = Some(machine.memory_mib.map_or(memory, |there| there.max(memory)));
        self.made = Some(made);
        Ok(())
    }

    fn set_up(&self, session: &mut Session) -> Result<(), SoftwareError> {
        let data = self.entry.data;
        let name = data.name.to_owned();
        session.ask(root_over(&[&data.software.layer()]))?;
        session.ask(Bind { from: "/init".into(), at: AGENT.into() })?;
        session.ask(MountDisk { name: name.clone(), make: false, read_only: true })?;
        let folders = vec![Folder { at: DATA.into(), from: Some(data.folder()) }];
        let bytes = (u64::from(data.mib) << 20) + SPARE;
        let Place { device: profile, fs } = self.place;
        let volume = session.ask(MakeVolume { volume: Volume { profile, fs, bytes, folders } });
        // Another row may want it.
        session.ask(UnmountDisk { name })?;
        volume?;
        Ok(())
    }

    fn run_once(&self, session: &mut Session, how: &How) -> Result<Outcome, SoftwareError> {
        let none = || SoftwareError::Lacking(self.entry.data.name);
        let facts = &self.made.as_ref().ok_or_else(none)?.facts;
        let profile = self.place.device;
        let stop_ms = how.limit.as_ref().map(|limit| limit.ms);
        // Other programs report their work at their end only.
        let exceeded = how.limit.as_ref().and_then(Limit::exceeded);
        let limit_ms = exceeded.as_ref().map(|part| part.ns / 1_000_000);
        let cold = !how.cached;
        let mut guest = Guest { session, profile, cold, limit_ms, stop_ms, facts };
        match ((self.entry.run)(&mut guest), exceeded) {
            (Err(SoftwareError::Cut(ran)), Some(part)) => {
                Ok(outcome(&ran, vec![part], CUT_BLIND.to_owned()))
            }
            (result, _) => result,
        }
    }
}

impl Work for SoftwareRow {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn describe(&self) -> &str {
        self.entry.about
    }

    fn place(&self) -> Place {
        self.place
    }

    fn definition(&self) -> String {
        let Entry { name, version, data, .. } = self.entry;
        let (mib, script) = (data.mib, data.script);
        format!("{name} of version {version} with {} on {mib} MiB of {script}", self.versions)
    }

    fn machine(&self) -> &str {
        "software"
    }

    fn provide(&mut self, machine: &mut Machine) -> Result<(), Flaw> {
        Ok(self.get(machine)?)
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        Ok(self.set_up(session)?)
    }

    fn run(&mut self, session: &mut Session, how: &How) -> Result<Outcome, Flaw> {
        Ok(self.run_once(session, how)?)
    }
}
