// SPDX-License-Identifier: GPL-2.0-only
//! Requests about the device with the data file, and runs on it.

use crate::{CachedAccess, Course, CourseRun, Device, Passed, Sample, WorkloadSpec, request};
use serde::{Deserialize, Serialize};

/// Make a device with its data file, in the place of the device or volume before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupDevice {
    /// The device.
    pub device: Device,
}
request!(SetupDevice, "setup_device" => ());

/// Run a workload once on the device, cold cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunWorkload {
    /// The workload.
    pub spec: WorkloadSpec,
}
request!(RunWorkload, "run_workload" => Sample);

/// Run a course once on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCourse {
    /// The course.
    pub course: Course,
    /// Leave cached pages in the cache.
    pub cached: bool,
    /// Begin no access after this time, milliseconds.
    pub limit_ms: Option<u64>,
}
request!(RunCourse, "run_course" => CourseRun);

/// Set the kernel's own readahead on the data's device (or volume): `read_ahead_kb`
/// of its bdi, for files that are opened from now on. The next device has its own
/// setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetReadahead {
    /// KiB; the setting before all others if absent.
    pub kb: Option<u32>,
}
request!(SetReadahead, "set_readahead" => ());

/// Read the number of the data's device (or volume), as [`crate::Placement::dev`]
/// has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDevice;
request!(DataDevice, "data_device" => u32);

/// Read the whole data file several times, fully cached. The answer has the time
/// of each pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedPasses {
    /// How the file is accessed.
    pub access: CachedAccess,
    /// The number of passes.
    pub passes: u32,
}
request!(CachedPasses, "cached_passes" => Vec<Passed>);
