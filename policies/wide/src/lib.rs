// SPDX-License-Identifier: GPL-2.0-only
//! `wide` gives every file the same limit, wider than the kernel's 128 KiB: what
//! a larger `read_ahead_kb` does for a whole disk, without touching the disk.
//!
//! Sequential readers and scans of mappings gain on devices with latency; random
//! faults pay, since the kernel reads around each of them up to the limit.

#![no_std]

use raext_policy::prelude::*;

tunable! {
    /// The limit of a window, KiB.
    pub static LIMIT_KB: u32 = 4096, in 4..=65536;
}

policy! {
    name: "wide",
    get_max_ra: limit,
}

fn limit(_s: &State) -> Limit {
    Limit::kib(LIMIT_KB.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_tunable_s() {
        assert_eq!(limit(&State::miss(0, 4)), Limit::Pages(1024));
        assert_eq!(limit(&State::fault(9)), Limit::Pages(1024));
    }
}
