// SPDX-License-Identifier: GPL-2.0-only
//! Measurements: what is run, in which order, and what the figures say.
//!
//! A [`experiment::Plan`] is run by the one [`experiment::Experiment`] into a
//! [`experiment::Store`]; reports are computed from what the store knows.

pub mod experiment;
pub mod learn;
pub mod plans;
pub mod report;
pub mod software;
pub mod stats;
