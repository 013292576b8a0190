// SPDX-License-Identifier: GPL-2.0-only
//! The benchmark: policies against the kernel's default, against every fixed
//! `read_ahead_kb`, against the best of these for each workload, and against the
//! floor, which nothing can be faster than.

mod column;
mod cost;
mod error;
mod heat;
mod html;
mod lanes;
mod measure;
mod results;
mod row;
mod store;
mod summary;
mod synthetic;
mod table;
#[cfg(test)]
mod tests;

pub use column::{CACHED, Column, DEFAULT_KB, FIXED_KB, Policy, digest};
pub use error::BenchError;
pub use html::html;
pub use measure::{Bench, Progress, id, left};
pub use results::{Cell, Results, RowResults, Run, order};
pub use row::{CUT, CUT_BLIND, Limit, Outcome, Part, Place, Row};
pub use store::{Boot, CostLine, Header, Line, RowLine, RunLine, Store};
pub use summary::{
    Cell as CellSummary, Control, Quotient, RowSummary, Standing, Summary, Tally, Times,
};
pub use synthetic::synthetic;
pub use table::table;

use serde::Serialize;

/// Everything as JSON: what the measurements say, and every single one of them.
///
/// # Errors
/// Never in practice: neither has anything that JSON lacks.
pub fn json(results: &Results, summary: &Summary) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Both<'a> {
        summary: &'a Summary,
        results: &'a Results,
    }
    serde_json::to_string_pretty(&Both { summary, results })
}
