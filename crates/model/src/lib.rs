// SPDX-License-Identifier: GPL-2.0-only
//! What the host and the agent in the microVM say to each other.
//!
//! The host asks, the agent answers: one [`Request`], then any number of
//! [`Reply::Progress`], then exactly one other [`Reply`]. Only a program that runs
//! makes it a conversation ([`Request::RunProgram`]). Each message is one
//! line of JSON on a virtio-serial port, so that a capture of the port can be
//! read by a person. The measurements ([`Sample`]) and what was measured
//! ([`WorkloadSpec`], [`Device`]) are defined here too, since the same values
//! travel on into the report.

mod access;
mod course;
mod device;
mod error;
mod faults;
mod message;
mod placement;
mod program;
mod sample;
mod stress;
mod volume;
mod wire;
mod workload;

pub use access::{BadSpec, SplitMix, data_bytes_needed, is_mapped, offsets, sizes};
pub use course::{Course, CoursePart, CourseRun, SmallFiles};
pub use device::{Device, DeviceProfile, Fs};
pub use error::{At, Classified, Error, IoExt, Kind};
pub use faults::{Outcome, ReadBy, ReadFailure, Sight};
pub use message::{ChurnKind, Failure, GroupRun, LoadOutcome, Reply, Request};
pub use placement::{Placement, kernel_dev};
pub use program::{End, Output, Program, Ran, Stream, User, VERDICTS};
pub use sample::{CachedAccess, Passed, Sample};
pub use stress::{Mismatch, StressReport, StressSpec};
pub use volume::{Caches, DISKS, Folder, SHARES, Volume, VolumeMade};
pub use wire::{WireError, read_message, write_message};
pub use workload::{Workload, WorkloadSpec};

/// Name of the virtio-serial port that carries the messages; the guest finds
/// the port by it under `/sys/class/virtio-ports/*/name`.
pub const PORT_NAME: &str = "org.readahead-ext.agent";
