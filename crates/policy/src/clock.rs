// SPDX-License-Identifier: GPL-2.0-only
//! The time, by which a policy learns what a device needs.

/// Nanoseconds since the machine was started, without the time that it was
/// suspended (`ktime_get()`). In tests: what
/// [`testing::set_time`](crate::testing::set_time) says.
#[inline(always)]
pub fn now_ns() -> u64 {
    #[cfg(target_arch = "bpf")]
    // SAFETY: the kernel's function has no arguments and no preconditions.
    unsafe {
        aya_ebpf::helpers::generated::bpf_ktime_get_ns()
    }
    #[cfg(not(target_arch = "bpf"))]
    crate::testing::time()
}
