// SPDX-License-Identifier: GPL-2.0-only
//! The benchmark: policies against the kernel's default, against every fixed
//! `read_ahead_kb`, against the best of these for each workload, and against the
//! floor, which nothing can be faster than.

mod row;

pub use row::{Outcome, Part, Place, Row};
