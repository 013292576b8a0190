// SPDX-License-Identifier: GPL-2.0-only
//! Requests of the host and replies of the agent.

use crate::{
    CachedAccess, Caches, Course, CourseRun, Device, Passed, Placement, Program, Ran, ReadBy,
    Sample, Sight, Stream, StressReport, StressSpec, Volume, VolumeMade, WorkloadSpec,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the host asks the agent to do. Paths are paths in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// Load the kernel module `readahead_ext`.
    LoadModule,
    /// Remove it.
    UnloadModule,
    /// Load a policy into the kernel's verifier, without attaching it.
    Check {
        /// The object file.
        object: String,
        /// Tunables to set before loading.
        set: BTreeMap<String, String>,
    },
    /// Load and attach a policy, beside those that are; it stays until
    /// [`Request::Detach`].
    Attach {
        /// The object file.
        object: String,
        /// Tunables to set before loading.
        set: BTreeMap<String, String>,
        /// Where it decides.
        #[serde(default)]
        placement: Placement,
    },
    /// Put another policy into the place of the one that was attached last.
    Swap {
        /// The object file.
        object: String,
        /// Tunables to set before loading.
        set: BTreeMap<String, String>,
    },
    /// Detach what is attached.
    Detach,
    /// Make a device with its data file ready, replacing the previous one.
    SetupDevice {
        /// What to make.
        device: Device,
    },
    /// Run a workload once on the device, cold cache.
    Run {
        /// What to run.
        spec: WorkloadSpec,
    },
    /// Run a course once on the device; [`Reply::Course`] has what it took.
    RunCourse {
        /// What to run.
        course: Course,
        /// Leave what is cached in the cache.
        cached: bool,
        /// Begin no access once so much time has passed, milliseconds.
        limit_ms: Option<u64>,
    },
    /// Set how far the kernel reads ahead on the data's device (or volume), as
    /// `read_ahead_kb` of its bdi, for files that are opened from now on. It is as
    /// before when the device is replaced.
    SetReadahead {
        /// KiB; as it was before if absent.
        kb: Option<u32>,
    },
    /// Count the time in policies' callbacks from now on, or do so no more.
    SetTiming {
        /// Whether.
        on: bool,
    },
    /// Ask for the counters of all attached policies; [`Reply::Counters`] has them.
    Counters,
    /// Ask for the number of the data's device (or volume).
    DataDevice,
    /// Read the whole data file again and again, fully cached, and report the
    /// time of each pass in [`Reply::Passes`].
    CachedPasses {
        /// How it is accessed.
        access: CachedAccess,
        /// How many passes.
        passes: u32,
    },
    /// Attach and detach, or load and remove, again and again under readers.
    Churn {
        /// What to repeat.
        kind: ChurnKind,
        /// The policy that comes and goes.
        object: String,
        /// How many times.
        cycles: u32,
        /// How many threads read and fault meanwhile.
        readers: u32,
    },
    /// Everything at once on a device of its own, which replaces the one that
    /// was set up. The module is loaded before and after; no policy may be
    /// attached.
    Stress {
        /// How.
        spec: StressSpec,
    },
    /// From now on, the device cannot read these pages of the data file. Not for
    /// btrfs, which does not tell where on the device they are.
    BreakDevice {
        /// Where they begin, bytes.
        offsets: Vec<u64>,
    },
    /// Read the whole data file, cold cache, and report what an application
    /// sees in [`Reply::Sight`].
    ReadAll {
        /// How.
        by: ReadBy,
    },
    /// Make a cgroup below the root, `/sys/fs/cgroup/NAME`, if it is not there.
    MakeCgroup {
        /// Its name.
        name: String,
        /// Its `memory.max`, bytes; no limit if absent.
        memory_max: Option<u64>,
    },
    /// Run workloads at the same time on the device, cold cache, each in its
    /// cgroup and on a file of its own, of the data file's length; the device
    /// must have room for them. [`Reply::Samples`] has them in the same order.
    RunTogether {
        /// What runs where.
        runs: Vec<GroupRun>,
    },
    /// Run a program of the guest to its end.
    Exec {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Mount a share of the host at `/shares/TAG`, read-only.
    MountShare {
        /// Its tag.
        tag: String,
    },
    /// Mount a disk at `/disks/NAME`, with ext4.
    MountDisk {
        /// Its name.
        name: String,
        /// Make an empty file system on it first.
        make: bool,
        /// Only to be read.
        read_only: bool,
    },
    /// Unmount a disk: all that was written to it is on it then.
    UnmountDisk {
        /// Its name.
        name: String,
    },
    /// Make the root of programs: an overlay over these folders of the guest, the
    /// topmost first, in which they can write anywhere; none of it reaches the
    /// folders. Replaces the one before, with all that was written and the volume.
    MakeRoot {
        /// The folders, such as `/shares/TAG`.
        layers: Vec<String>,
        /// Whether an ordinary user of the host shares them.
        as_user: bool,
    },
    /// Show a folder (or a file) of the guest in the root of programs.
    Bind {
        /// The folder in the guest.
        from: String,
        /// The path in the root of programs; made if need be.
        at: String,
    },
    /// Make a volume, replacing the one before and the device of
    /// [`Request::SetupDevice`]; programs that still run are killed. It is seen
    /// in the root of programs, which must be there.
    MakeVolume {
        /// What to make.
        volume: Volume,
    },
    /// Kill programs that still run, unmount the volume and forget its data.
    DropVolume,
    /// Write back what is dirty, and drop caches.
    DropCaches {
        /// Which.
        caches: Caches,
    },
    /// Run a program to its end. While it runs, [`Reply::Output`] has what it
    /// prints and [`Reply::WantInput`] asks for input; the host may say
    /// [`Request::Input`] and [`Request::Kill`]. The last reply is
    /// [`Reply::Ran`].
    RunProgram {
        /// The program.
        program: Program,
    },
    /// For the program that runs: standard input, once for each
    /// [`Reply::WantInput`]. No bytes are its end.
    Input {
        /// The bytes.
        #[serde(with = "crate::program::bytes")]
        data: Vec<u8>,
    },
    /// Kill the program that runs, with its children. Nothing, if none does.
    Kill,
    /// Start a program in the background; [`Reply::Started`] has its number.
    StartProgram {
        /// The program.
        program: Program,
    },
    /// Send a signal to a program in the background (none, if 0), wait for its
    /// end, but no longer than told, and then kill it. Its output is sent
    /// ([`Reply::Output`]), then [`Reply::Ran`].
    EndProgram {
        /// Its number.
        id: u32,
        /// The signal; to the program, not its children.
        signal: i32,
        /// How long to wait, milliseconds.
        within_ms: u64,
    },
    /// Warnings and worse from the kernel's log since boot.
    KernelLog,
    /// Switch the machine off.
    PowerOff,
}

/// A workload in a cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRun {
    /// The name given to [`Request::MakeCgroup`].
    pub cgroup: String,
    /// What runs in it.
    pub spec: WorkloadSpec,
}

/// What [`Request::Churn`] repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnKind {
    /// Attach and detach the policy.
    Attach,
    /// Load the module, attach, detach, remove the module.
    Module,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Reply {
    /// Sent once, unasked, when the agent is up.
    Hello {
        /// `uname -r` of the guest.
        release: String,
    },
    /// Still at work; may come any number of times.
    Progress {
        /// A line for people.
        text: String,
    },
    /// Done, nothing to tell.
    Done,
    /// The outcome of [`Request::Check`] and [`Request::Attach`].
    Load(LoadOutcome),
    /// The outcome of [`Request::Run`].
    Sample(Sample),
    /// The outcome of [`Request::RunCourse`].
    Course(CourseRun),
    /// The outcome of [`Request::Counters`].
    Counters {
        /// By the kind of event and the counter, as [`Ran::counts`].
        counts: BTreeMap<String, BTreeMap<String, u64>>,
    },
    /// The outcome of [`Request::DataDevice`].
    DataDevice {
        /// As [`Placement::dev`] wants it.
        dev: u32,
    },
    /// The outcome of [`Request::RunTogether`]. What the device read is counted
    /// for each cgroup (its `io.stat`); decisions are not told apart and are 0.
    Samples {
        /// One for each run.
        samples: Vec<Sample>,
    },
    /// The outcome of [`Request::ReadAll`].
    Sight(Sight),
    /// The outcome of [`Request::CachedPasses`].
    Passes {
        /// One entry a pass.
        passes: Vec<Passed>,
    },
    /// The outcome of [`Request::Stress`].
    Stress(StressReport),
    /// The outcome of [`Request::Exec`].
    Exit {
        /// Exit status, or 128 + signal.
        status: i32,
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
    },
    /// The outcome of [`Request::MakeVolume`].
    VolumeMade(VolumeMade),
    /// What a program has printed.
    Output {
        /// Where to.
        stream: Stream,
        /// The bytes.
        #[serde(with = "crate::program::bytes")]
        data: Vec<u8>,
    },
    /// The program that runs would read its standard input: answer with one
    /// [`Request::Input`].
    WantInput,
    /// The outcome of [`Request::StartProgram`].
    Started {
        /// Its number.
        id: u32,
    },
    /// The outcome of [`Request::RunProgram`] and [`Request::EndProgram`].
    Ran(Ran),
    /// The outcome of [`Request::KernelLog`].
    Log {
        /// One line each, oldest first.
        lines: Vec<String>,
    },
    /// The request could not be carried out.
    Failed(Failure),
}

/// The verdict of the guest's kernel on a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadOutcome {
    /// Whether it was loaded (and attached, where that was asked).
    pub accepted: bool,
    /// The error number of the refused step, 0 if accepted.
    pub errno: i32,
    /// What was said meanwhile: libbpf's messages and, in them, the verifier's
    /// log.
    pub log: String,
}

/// Why a request could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Failure {
    /// The step that failed.
    pub what: String,
    /// The reason, as the system gave it.
    pub why: String,
}
