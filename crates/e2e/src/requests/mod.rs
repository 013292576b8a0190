// SPDX-License-Identifier: GPL-2.0-only
//! Requests that only tests send.

mod act;
mod sight;
mod stress;

pub use act::{Act, Acted, Did, FUSE_FILE, Served, Step, Stream};
pub use sight::{Outcome, ReadBy, ReadFailure, Sight};
pub use stress::{Mismatch, StressReport, StressSpec};

use raext_model::{Sample, WorkloadSpec, request};
use serde::{Deserialize, Serialize};

/// Remove the kernel module `readahead_ext`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnloadModule;
request!(UnloadModule, "unload_module" => ());

/// Attach and detach, or load and remove, again and again under readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Churn {
    /// What to repeat.
    pub kind: ChurnKind,
    /// The policy that is attached and detached.
    pub object: String,
    /// The number of cycles.
    pub cycles: u32,
    /// The number of threads that read and fault meanwhile.
    pub readers: u32,
}
request!(Churn, "churn" => ());

/// What [`Churn`] repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnKind {
    /// Attach and detach the policy.
    Attach,
    /// Load the module, attach, detach, remove the module.
    Module,
}

/// Everything at once on a device of its own, in the place of the device before.
/// The module is loaded before and after; no policy may be attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stress {
    /// How.
    pub spec: StressSpec,
}
request!(Stress, "stress" => StressReport);

/// From now on, the device cannot read these pages of the data file. Not for
/// btrfs, which does not show where on the device they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakDevice {
    /// Where they begin, bytes.
    pub offsets: Vec<u64>,
}
request!(BreakDevice, "break_device" => ());

/// Read the whole data file, cold cache, and report what an application sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAll {
    /// How.
    pub by: ReadBy,
}
request!(ReadAll, "read_all" => Sight);

/// Make a cgroup below the root, `/sys/fs/cgroup/NAME`, if it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeCgroup {
    /// Its name.
    pub name: String,
    /// Its `memory.max`, bytes; no limit if absent.
    pub memory_max: Option<u64>,
}
request!(MakeCgroup, "make_cgroup" => ());

/// Run workloads at the same time on the device, cold cache, each in its cgroup
/// and on a file of its own, of the data file's length; the device must have room
/// for them. The answers are in the same order. Device reads are counted for each
/// cgroup (its `io.stat`); decisions are not told apart and are 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTogether {
    /// Which workload runs where.
    pub runs: Vec<GroupRun>,
}
request!(RunTogether, "run_together" => Vec<Sample>);

/// A workload in a cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRun {
    /// The name given to [`MakeCgroup`].
    pub cgroup: String,
    /// The workload.
    pub spec: WorkloadSpec,
}

/// Kill programs that still run, unmount the volume and forget its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropVolume;
request!(DropVolume, "drop_volume" => ());
