// SPDX-License-Identifier: GPL-2.0-only
//! Measurements to table, JSON and HTML.
//!
//! A [`Comparison`] holds every single measurement; what is shown is computed
//! from it each time, so that a file of raw measurements can be shown anew.

mod chart;
mod comparison;
mod findings;
mod html;
mod noise;
mod stats;
mod table;
pub mod text;

pub use comparison::{About, CellFailure, Column, Comparison, Row};
pub use html::{STYLE, html};
pub use noise::Noise;
pub use stats::{Cell, Ratio, Spread};
pub use table::{WITHIN_NOISE, table};
