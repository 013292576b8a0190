// SPDX-License-Identifier: GPL-2.0-only
//! The parts of which another agent makes its own requests: the agent of the tests.

pub use crate::error::Context;
pub use crate::kmsg::lines as kernel_log;
pub use crate::modules::{load_for, load_ours};
pub use crate::policy::{attach, decisions, detach};
pub use crate::workload::{
    Cgroup, DROP_CACHES, DeviceReads, MOUNT_POINT, Mapping, Mount, NullBlk, PAGE, Places, Stage,
    StageContext, StageError, Target, fill, node, verify, write_data,
};
