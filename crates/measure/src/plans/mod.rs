// SPDX-License-Identifier: GPL-2.0-only
//! The plans of the commands that measure.

mod courses;
mod decisions;
mod patterns;

pub use courses::{courses, outcome};
pub use decisions::count_decisions;
pub use patterns::patterns;
