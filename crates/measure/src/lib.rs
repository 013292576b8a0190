// SPDX-License-Identifier: GPL-2.0-only
//! Measurements: what is run, in which order, and what the figures say.

pub mod bench;
pub mod learn;
pub mod report;
pub mod software;
