// SPDX-License-Identifier: GPL-2.0-only
//! The plans of the commands that measure.

mod cost;
mod courses;
mod decisions;
mod device;
mod patterns;
mod record;

pub use cost::{cost, cost_table};
pub use courses::{courses, outcome};
pub use decisions::count_decisions;
pub use patterns::patterns;
pub use record::{Recorded, record, recorded_device};
