// SPDX-License-Identifier: GPL-2.0-only
//! A session with a method for each request and a display for each call. It goes
//! once its callers use [`Session`].

use crate::{Captured, EngineError, GuestObject, KernelChoice, Session, root_over};
use raext_model::requests::testing::{DropVolume, GroupRun, ReadAll, RunTogether, Stress};
use raext_model::requests::{
    Attach, Bind, CachedPasses, Check, DataDevice, Detach, DropCaches, EndProgram, Exec, KernelLog,
    MakeVolume, MountDisk, ReadCounters, RunCourse, RunProgram, RunWorkload, SetReadahead,
    SetupDevice, StartProgram, UnmountDisk,
};
use raext_model::{
    CachedAccess, Caches, Course, CourseRun, Device, Lines, LoadOutcome, Passed, Placement,
    Program, Ran, ReadBy, Request, Sample, Sight, StressReport, StressSpec, Volume, VolumeMade,
    WorkloadSpec,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::{Machine as Setup, Streams as Talk};

type Step<'a> = &'a dyn Fn(&str);
type Set = BTreeMap<String, String>;
type Answer<A> = Result<A, EngineError>;

/// The machine.
pub struct Engine(Session);

#[expect(missing_docs, clippy::missing_errors_doc, reason = "the requests have the text")]
impl Engine {
    pub fn start(
        kernel: &KernelChoice,
        objects: Vec<GuestObject>,
        programs: &[PathBuf],
        step: Step<'_>,
    ) -> Answer<Self> {
        let (kernel, programs) = (kernel.clone(), programs.to_vec());
        Self::start_with(Setup { kernel, objects, programs, ..Setup::default() }, step)
    }

    pub fn start_with(setup: Setup, step: Step<'_>) -> Answer<Self> {
        Session::boot_shown(setup, &Lines(step)).map(Self)
    }

    pub fn start_counting(
        kernel: &KernelChoice,
        objects: Vec<GuestObject>,
        step: Step<'_>,
    ) -> Answer<Self> {
        let kernel = kernel.clone();
        let setup = Setup { kernel, objects, count_instructions: true, ..Setup::default() };
        Self::start_with(setup, step)
    }

    /// The session, for new callers.
    pub fn session(&mut self) -> &mut Session {
        &mut self.0
    }

    pub fn release(&self) -> &str {
        self.0.release()
    }

    pub fn accelerator(&self) -> String {
        self.0.accelerator()
    }

    pub fn ask<R: Request>(&mut self, request: R, step: Step<'_>) -> Answer<R::Answer> {
        self.0.exchange(&request, Talk::output(&mut |_, _| true), &Lines(step))
    }

    pub fn done<R: Request<Answer = ()>>(&mut self, request: R, step: Step<'_>) -> Answer<()> {
        self.ask(request, step)
    }

    pub fn check(&mut self, object: &str, set: &Set, step: Step<'_>) -> Answer<LoadOutcome> {
        self.ask(Check { object: object.into(), set: set.clone() }, step)
    }

    pub fn attach(&mut self, object: &str, set: &Set, step: Step<'_>) -> Answer<()> {
        self.attach_at(object, set, Placement::default(), step)
    }

    pub fn attach_at(
        &mut self,
        object: &str,
        set: &Set,
        placement: Placement,
        step: Step<'_>,
    ) -> Answer<()> {
        let attach = Attach { object: object.into(), set: set.clone(), placement };
        if self.ask(attach, step)?.accepted {
            Ok(())
        } else {
            Err(EngineError::Refused(object.into()))
        }
    }

    pub fn detach(&mut self, step: Step<'_>) -> Answer<()> {
        self.ask(Detach, step)
    }

    pub fn set_up(&mut self, device: Device, step: Step<'_>) -> Answer<()> {
        self.ask(SetupDevice { device }, step)
    }

    pub fn run(&mut self, spec: WorkloadSpec, step: Step<'_>) -> Answer<Sample> {
        self.ask(RunWorkload { spec }, step)
    }

    pub fn run_course(
        &mut self,
        course: Course,
        cached: bool,
        limit_ms: Option<u64>,
        step: Step<'_>,
    ) -> Answer<CourseRun> {
        self.ask(RunCourse { course, cached, limit_ms }, step)
    }

    pub fn set_readahead(&mut self, kb: Option<u32>, step: Step<'_>) -> Answer<()> {
        self.ask(SetReadahead { kb }, step)
    }

    pub fn counters(&mut self, step: Step<'_>) -> Answer<BTreeMap<String, BTreeMap<String, u64>>> {
        self.ask(ReadCounters, step)
    }

    pub fn data_device(&mut self, step: Step<'_>) -> Answer<u32> {
        self.ask(DataDevice, step)
    }

    pub fn cached_passes(
        &mut self,
        access: CachedAccess,
        passes: u32,
        step: Step<'_>,
    ) -> Answer<Vec<Passed>> {
        self.ask(CachedPasses { access, passes }, step)
    }

    pub fn read_all(&mut self, by: ReadBy, step: Step<'_>) -> Answer<Sight> {
        self.ask(ReadAll { by }, step)
    }

    pub fn run_together(&mut self, runs: Vec<GroupRun>, step: Step<'_>) -> Answer<Vec<Sample>> {
        self.ask(RunTogether { runs }, step)
    }

    pub fn stress(&mut self, spec: StressSpec, step: Step<'_>) -> Answer<StressReport> {
        self.ask(Stress { spec }, step)
    }

    pub fn exec(&mut self, argv: &[&str], step: Step<'_>) -> Answer<(i32, String, String)> {
        let exit = self.ask(Exec::new(argv), step)?;
        Ok((exit.status, exit.stdout, exit.stderr))
    }

    pub fn kernel_log(&mut self, step: Step<'_>) -> Answer<Vec<String>> {
        self.ask(KernelLog, step)
    }

    pub fn make_root(&mut self, layers: &[&str], step: Step<'_>) -> Answer<()> {
        self.ask(root_over(layers), step)
    }

    pub fn bind(&mut self, from: &str, at: &str, step: Step<'_>) -> Answer<()> {
        self.ask(Bind { from: from.into(), at: at.into() }, step)
    }

    pub fn mount_disk(
        &mut self,
        name: &str,
        make: bool,
        read_only: bool,
        step: Step<'_>,
    ) -> Answer<()> {
        self.ask(MountDisk { name: name.into(), make, read_only }, step)
    }

    pub fn unmount_disk(&mut self, name: &str, step: Step<'_>) -> Answer<()> {
        self.ask(UnmountDisk { name: name.into() }, step)
    }

    pub fn make_volume(&mut self, volume: Volume, step: Step<'_>) -> Answer<VolumeMade> {
        self.ask(MakeVolume { volume }, step)
    }

    pub fn drop_volume(&mut self, step: Step<'_>) -> Answer<()> {
        self.ask(DropVolume, step)
    }

    pub fn drop_caches(&mut self, caches: Caches, step: Step<'_>) -> Answer<()> {
        self.ask(DropCaches { caches }, step)
    }

    pub fn run_program(&mut self, program: Program, talk: Talk<'_>, step: Step<'_>) -> Answer<Ran> {
        let program = Program { input: talk.input.is_some(), ..program };
        self.0.exchange(&RunProgram { program }, talk, &Lines(step))
    }

    pub fn capture(&mut self, program: Program, step: Step<'_>) -> Answer<Captured> {
        let program = Program { input: false, ..program };
        self.0.captured(&RunProgram { program }, &Lines(step))
    }

    pub fn start_program(&mut self, program: Program, step: Step<'_>) -> Answer<u32> {
        self.ask(StartProgram { program }, step)
    }

    pub fn end_program(
        &mut self,
        id: u32,
        signal: i32,
        within: Duration,
        step: Step<'_>,
    ) -> Answer<Captured> {
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.0.captured(&EndProgram { id, signal, within_ms }, &Lines(step))
    }

    pub fn stop(self) -> Answer<()> {
        self.0.stop()
    }
}
