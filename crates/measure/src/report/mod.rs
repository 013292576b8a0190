// SPDX-License-Identifier: GPL-2.0-only
//! Measurements to terminal, JSON, HTML and SVG.
//!
//! A [`Report`] is computed from every single measurement each time, so that what was
//! stored can be shown anew. Each renderer shows it in the way of a [`View`].

mod comparison;
mod html;
mod json;
mod model;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;
pub mod text;

pub(crate) use comparison::outcome as pattern_outcome;
pub use comparison::{About, CellFailure, Column, Comparison, Runs, label};
pub use html::Html;
pub use json::Json;
pub(crate) use model::pairs;
pub use model::{Cell, Control, Report, Row, Standing, Tally, Times};
pub use svg::Svg;
pub use terminal::Terminal;

/// The kind of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A few patterns, contender by contender: times, and what the device did.
    Comparison,
    /// Many works: against the kernel, the best fixed length and the floor.
    Bench,
}

/// Shows a report.
pub trait Render {
    /// The whole of it.
    fn render(&self, report: &Report<'_>) -> String;
}
