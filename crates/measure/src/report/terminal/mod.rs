// SPDX-License-Identifier: GPL-2.0-only
//! The tables for a terminal.

mod bench;
mod compare;

use crate::experiment::DEFAULT_KB;
use crate::report::text::factor;
use crate::report::{Cell, Control, Render, Report, View};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table, TableComponent};
use std::fmt;

/// Mark of a ratio that may be none.
const NOISE: &str = "~";
/// Mark of a cell with one run only, since it is too slow.
const ONCE: &str = "*";
/// The text of a cell without a measurement.
const NONE: &str = "-";
/// The reason for the mark of noise.
const WITHIN_NOISE: &str = "runs of the same differ as much, by chance";

/// Renders text.
#[derive(Debug, Clone, Copy)]
pub struct Terminal(pub View);

impl Render for Terminal {
    fn render(&self, report: &Report<'_>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = match self.0 {
            View::Comparison => compare::write(&mut out, report),
            View::Bench => bench::write(&mut out, report),
        };
        out
    }
}

/// A table without rules between rows.
struct Grid(Table);

impl Grid {
    fn new(head: Vec<String>) -> Self {
        let mut table = Table::new();
        table
            .load_preset(UTF8_HORIZONTAL_ONLY)
            .remove_style(TableComponent::HorizontalLines)
            .remove_style(TableComponent::MiddleIntersections);
        table.set_header(head);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self(table)
    }

    /// A row for each of the report's, by its name and some cells.
    fn of<C: IntoIterator<Item = String>>(
        report: &Report<'_>,
        head: Vec<String>,
        name: fn(&crate::report::Row) -> String,
        cells: impl Fn(&crate::report::Row) -> C,
    ) -> Self {
        let mut grid = Self::new(head);
        for row in &report.rows {
            grid.row([name(row)].into_iter().chain(cells(row)).collect());
        }
        grid
    }

    fn row(&mut self, cells: Vec<String>) {
        self.0.add_row(cells);
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn cells<'a>(report: &'a Report<'_>) -> impl Iterator<Item = &'a Cell> {
    report.rows.iter().flat_map(|row| &row.cells)
}

/// The reliability of the marks of noise.
pub(super) fn controlled(control: Control) -> String {
    format!(
        "Control: the kernel's default of {DEFAULT_KB} KiB is also a fixed column. The two are {} to {} \
         of each other.\nA difference is shown in {} of {} rows, and all repeats agree on one in {}",
        factor(control.range.0),
        factor(control.range.1),
        control.told,
        control.rows,
        control.agreed
    )
}
