// SPDX-License-Identifier: GPL-2.0-only
//! Devices and access patterns, in the guest.
//!
//! A [`Stage`] is a block device of a chosen latency and bandwidth with one data
//! file on it. Workloads run over the file with a cold cache; what they read is
//! verified when the clock has stopped. A [`Volume`] is such a device with the
//! files of programs, which run in a [`Root`].

pub(crate) mod bdi;
mod cached;
mod cgroup;
mod copy;
mod course;
mod data;
mod error;
mod mounts;
mod nullblk;
mod root;
mod stage;
mod target;
mod volume;

pub use cgroup::Cgroup;
pub use data::{fill, verify};
pub use error::{Context as StageContext, StageError};
pub use mounts::{MOUNT_POINT, Mount, Places};
pub use nullblk::{NullBlk, node};
pub(crate) use root::{Bound, Root};
pub(crate) use stage::drop_caches;
pub use stage::{DROP_CACHES, Stage, write_data};
pub use target::{DeviceReads, Mapping, PAGE, Target};
pub(crate) use volume::Volume;
