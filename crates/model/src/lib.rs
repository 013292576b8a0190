// SPDX-License-Identifier: GPL-2.0-only
//! Defines what host and guest say to each other, and what a measurement is.
//!
//! The host asks ([`Request`]), the agent answers: one message is one line of JSON
//! on a virtio-serial port, so that a person can read a capture of the port. The
//! measurements ([`Sample`]) and what was measured ([`WorkloadSpec`], [`Device`]) are
//! defined here too, since the same values travel on into the report.

mod access;
mod course;
mod device;
mod error;
mod load;
mod placement;
mod program;
mod progress;
mod request;
pub mod requests;
mod sample;
mod volume;
mod wire;
mod workload;

pub use access::{BadSpec, SplitMix, data_bytes_needed, is_mapped, offsets, sizes};
pub use course::{Course, CoursePart, CourseRun, SmallFiles};
pub use device::{Device, DeviceProfile, Fs};
pub use error::{At, Classified, Error, IoExt, Kind};
pub use load::LoadOutcome;
pub use placement::{Placement, kernel_dev};
pub use program::{End, Output, Program, Ran, Stream, User, VERDICTS};
pub use progress::{Left, Lines, Progress, Silent};
pub use request::{Ask, Converse, Failure, FromAgent, Request, ToAgent};
pub use sample::{CachedAccess, Passed, Sample};
pub use volume::{Caches, DISKS, Folder, SHARES, Volume, VolumeMade};
pub use wire::{WireError, from_line, read_message, to_line, write_message};
pub use workload::{Workload, WorkloadSpec};

/// Name of the virtio-serial port that carries the messages; the guest finds
/// the port by it under `/sys/class/virtio-ports/*/name`.
pub const PORT_NAME: &str = "org.readahead-ext.agent";
