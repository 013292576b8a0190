// SPDX-License-Identifier: GPL-2.0-only
//! The reading task: a policy that serves one reader may want to know that others wait.

/// The number of the thread that reads, as `gettid(2)` has it in the initial
/// namespace. In tests: what [`testing::set_task`](crate::testing::set_task) says.
#[inline(always)]
pub fn task_id() -> u32 {
    #[cfg(target_arch = "bpf")]
    // SAFETY: the kernel's function has no arguments and no preconditions.
    unsafe {
        // The upper half is the process.
        aya_ebpf::helpers::generated::bpf_get_current_pid_tgid() as u32
    }
    #[cfg(not(target_arch = "bpf"))]
    crate::testing::task()
}
