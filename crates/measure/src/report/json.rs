// SPDX-License-Identifier: GPL-2.0-only
//! Everything as JSON: what the measurements say, and every single one of them.

use crate::experiment::Known;
use crate::report::{Comparison, Render, Report, View};
use serde::Serialize;

/// Renders JSON; of a comparison, its measurements alone.
#[derive(Debug, Clone, Copy)]
pub struct Json(pub View);

/// The form of a bench in JSON.
#[derive(Serialize)]
struct Bench<'a> {
    schema: &'static str,
    summary: &'a Report<'a>,
    results: &'a Known,
}

impl Render for Json {
    fn render(&self, report: &Report<'_>) -> String {
        let text = match self.0 {
            View::Comparison => serde_json::to_string_pretty(&Comparison::of(report)),
            View::Bench => serde_json::to_string_pretty(&Bench {
                schema: "raext-bench-1",
                summary: report,
                results: report.known,
            }),
        };
        // Neither has anything that JSON lacks.
        text.unwrap_or_default()
    }
}
