// SPDX-License-Identifier: GPL-2.0-only
//! Devices and access patterns, in the guest.
//!
//! A [`Stage`] is a block device of a chosen latency and bandwidth with one data
//! file on it. Workloads run over the file with a cold cache; what they read is
//! verified when the clock has stopped. A [`Volume`] is such a device with the
//! files of programs, which run in a [`Root`].

pub mod bdi;
mod cached;
mod cgroup;
mod copy;
mod course;
mod data;
mod error;
#[cfg(feature = "testing")]
mod extents;
mod mounts;
mod nullblk;
#[cfg(feature = "testing")]
mod readers;
mod root;
#[cfg(feature = "testing")]
mod sight;
mod stage;
#[cfg(feature = "testing")]
pub mod stress;
mod target;
mod volume;

pub use cgroup::Cgroup;
pub use error::StageError;
pub use root::{Bound, Root};
pub use stage::{Stage, drop_caches};
pub use target::DeviceReads;
#[cfg(feature = "testing")]
pub use target::{PAGE, Target};
pub use volume::Volume;
