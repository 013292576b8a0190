// SPDX-License-Identifier: GPL-2.0-only
//! Where an attached policy decides, and how it is guarded.

use serde::{Deserialize, Serialize};

/// What is chosen for a policy when it is attached, beside its tunables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// Only for tasks of this cgroup (v2) and of those below it; 0 for all.
    pub cgroup_id: u64,
    /// Only for files of this device, numbered as the kernel does
    /// ([`kernel_dev`]); 0 for all.
    pub dev: u32,
    /// Put the kernel's own readahead back when more than this share of the
    /// pages that the policy brings in goes unused; 0 for never.
    pub guard_percent: u32,
}

/// A device's number as the kernel keeps it (`MKDEV`), from its major and minor.
pub const fn kernel_dev(major: u32, minor: u32) -> u32 {
    major << 20 | minor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_s_number_is_the_kernel_s() {
        assert_eq!(kernel_dev(8, 1), 0x80_0001);
        assert_eq!(kernel_dev(259, 300), 0x1030_012c);
    }
}
