// SPDX-License-Identifier: GPL-2.0-only
//! The requests that the product's agent serves. Paths are paths in the guest.

mod data;
mod machine;
mod policies;
mod programs;

pub use data::{CachedPasses, DataDevice, RunCourse, RunWorkload, SetReadahead, SetupDevice};
pub use machine::{
    Exec, Exit, KernelLog, LoadModule, MountDisk, MountShare, PowerOff, UnmountDisk,
};
pub use policies::{Attach, Check, Counts, Detach, ReadCounters, SetTiming};
pub use programs::{Bind, DropCaches, EndProgram, MakeRoot, MakeVolume, RunProgram, StartProgram};
