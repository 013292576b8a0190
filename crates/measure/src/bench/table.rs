// SPDX-License-Identifier: GPL-2.0-only
//! The tables for a terminal.

use crate::bench::column::DEFAULT_KB;
use crate::bench::summary::{Cell, Control, Quotient, RowSummary, Standing, Summary, Tally};
use crate::bench::{Column, Results};
use crate::report::WITHIN_NOISE;
use crate::report::text::{factor, time};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table, TableComponent};
use std::fmt::Write as _;

/// Mark of a quotient that may be none.
const NOISE: char = '~';
/// Mark of a cell that was measured once, since it is far too slow.
const ONCE: char = '*';
/// Mark of a cell that is slower than its figure says.
const BOUND: &str = "<";
/// What stands where nothing was measured.
const NONE: &str = "-";

/// The whole report for a terminal.
pub fn table(results: &Results, summary: &Summary) -> String {
    let columns = &results.header.columns;
    let at = |test: fn(&Column) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|at| test(&columns[*at])).collect()
    };
    let (fixed, policies) = (at(Column::is_fixed), at(Column::is_policy));
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Linux {}{}", results.header.kernel, machine(results));
    if summary.rows.is_empty() {
        let _ = writeln!(out, "\nnothing was measured yet");
        return out;
    }
    let _ = writeln!(
        out,
        "\nHow many times as fast as the kernel's default. The best fixed read_ahead_kb is chosen\n\
         with hindsight, for each row by itself; the floor is what no policy can beat."
    );
    let names = |of: &[usize]| of.iter().map(|at| summary.columns[*at].clone()).collect::<Vec<_>>();
    let head = |first: &[&str], rest: Vec<String>, last: &[&str]| -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        [words(first), rest, words(last)].concat()
    };
    let rows = &summary.rows;
    let mut grid =
        Grid::new(head(&["row", "kernel", "best fixed", ""], names(&policies), &["floor"]));
    for row in rows {
        let best = row.best.map(|at| &row.cells[at]);
        let shown = policies.iter().map(|at| against(&row.cells[*at], |cell| cell.kernel));
        let mut cells = vec![
            row.row.row.clone(),
            total(row, &row.cells[0]),
            row.best.map_or(NONE.into(), |at| summary.columns[at].clone()),
            best.map_or(NONE.into(), |cell| against(cell, |cell| cell.kernel)),
        ];
        cells.extend(shown);
        cells.push(match (row.floor_ns, row.cells[0].floor) {
            (Some(_), Some(times)) => factor(times),
            _ => NONE.into(),
        });
        grid.row(cells);
    }
    let _ = writeln!(out, "{}", grid.0);
    let _ = writeln!(out, "\nThe same, against the best fixed read_ahead_kb of each row");
    let mut grid = Grid::new(head(&["row", "kernel"], names(&policies), &[]));
    for row in rows {
        let columns = [0].iter().chain(&policies);
        let shown = columns.map(|at| against(&row.cells[*at], |cell| cell.best));
        grid.row([row.row.row.clone()].into_iter().chain(shown).collect());
    }
    let _ = writeln!(out, "{}", grid.0);
    let _ = writeln!(
        out,
        "\nHow far from the floor: time over the larger of the fully cached time and the needed\n\
         bytes over the device's bandwidth, plus one latency"
    );
    let mut grid =
        Grid::new(head(&["row", "floor", "kernel", "best fixed"], names(&policies), &[]));
    for row in rows {
        let floor = row.floor_ns.map_or(NONE.into(), |ns| time(ns * row.ops));
        let columns = [Some(0), row.best].into_iter().chain(policies.iter().map(|at| Some(*at)));
        let shown = columns.map(|at| {
            let times = at.and_then(|at| row.cells[at].floor);
            times.map_or(NONE.into(), factor)
        });
        grid.row([row.row.row.clone(), floor].into_iter().chain(shown).collect());
    }
    let _ = writeln!(out, "{}", grid.0);
    let _ = writeln!(out, "\nEach fixed read_ahead_kb, against the kernel's default");
    let mut grid = Grid::new(head(&["row"], names(&fixed), &[]));
    for row in rows {
        let shown = fixed.iter().map(|at| against(&row.cells[*at], |cell| cell.kernel));
        grid.row([row.row.row.clone()].into_iter().chain(shown).collect());
    }
    let _ = writeln!(out, "{}", grid.0);
    marks(&mut out, summary);
    if let Some(control) = summary.control {
        let _ = writeln!(out, "{}", controlled(control));
    }
    let _ = writeln!(out, "\nOver all rows");
    let head = ["policy", "against", "mean", "faster", "same", "slower", "worst", "worst row"];
    let mut grid = Grid::new(head.map(String::from).into());
    for standing in &summary.policies {
        for cells in standing_rows(summary, standing) {
            grid.row(cells);
        }
    }
    let _ = writeln!(out, "{}", grid.0);
    let _ = writeln!(out, "{}", floors(summary));
    parts(&mut out, summary, &policies);
    costs(&mut out, results);
    flaws(&mut out, summary);
    out
}

fn machine(results: &Results) -> String {
    results.boots.last().map_or_else(String::new, |boot| {
        format!(" ({}, {} processors of the host, {})", boot.accelerator, boot.host_cpus, boot.date)
    })
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

    fn row(&mut self, cells: Vec<String>) {
        self.0.add_row(cells);
    }
}

/// A cell's time.
fn total(row: &RowSummary, cell: &Cell) -> String {
    match (&cell.flaw, cell.ns) {
        (Some(_), _) => "FLAW".into(),
        (None, Some(ns)) => time(ns.median * row.ops),
        (None, None) => NONE.into(),
    }
}

fn against(cell: &Cell, of: fn(&Cell) -> Option<Quotient>) -> String {
    if cell.flaw.is_some() {
        return "FLAW".into();
    }
    let Some(quotient) = of(cell) else { return NONE.into() };
    let mark = match quotient {
        _ if cell.once => ONCE,
        Quotient { noise: true, .. } => NOISE,
        _ => ' ',
    };
    format!("{}{}{mark}", if cell.bound { BOUND } else { "" }, factor(quotient.median))
}

fn marks(out: &mut String, summary: &Summary) {
    let cells = || summary.rows.iter().flat_map(|row| &row.cells);
    let noisy = |quotient: &Option<Quotient>| quotient.is_some_and(|quotient| quotient.noise);
    if cells().any(|cell| noisy(&cell.kernel) || noisy(&cell.best)) {
        let _ = writeln!(out, "{NOISE} within noise: {WITHIN_NOISE}, or too few repeats");
    }
    if cells().any(|cell| cell.once) {
        let _ = writeln!(
            out,
            "{ONCE} measured once, so slow is it, and cut short where that could be done"
        );
    }
    if cells().any(|cell| cell.bound) {
        let _ = writeln!(out, "{BOUND} cut short before it had told how much it had done");
    }
}

/// What the marks of noise are worth.
pub fn controlled(control: Control) -> String {
    format!(
        "The kernel's default is {DEFAULT_KB} KiB, too: measured as two columns, {} to {} of each other, \
         told\napart in {} of {} rows (the repeats agree in {})",
        factor(control.range.0),
        factor(control.range.1),
        control.told,
        control.rows,
        control.agreed
    )
}

fn standing_rows(summary: &Summary, standing: &Standing) -> Vec<Vec<String>> {
    let row = |against: &str, tally: &Option<Tally>| {
        let name = summary.columns[standing.column].clone();
        tally.as_ref().map(|tally| {
            vec![
                name,
                against.to_owned(),
                factor(tally.mean),
                tally.faster.to_string(),
                tally.same.to_string(),
                tally.slower.to_string(),
                factor(tally.worst),
                tally.worst_row.clone(),
            ]
        })
    };
    let both = [row("kernel", &standing.kernel), row("best fixed", &standing.best)];
    both.into_iter().flatten().collect()
}

fn floors(summary: &Summary) -> String {
    let of = |standing: &Standing| {
        let times = factor(standing.floor?);
        Some(format!("{} {times}", summary.columns[standing.column]))
    };
    let all: Vec<_> = summary.policies.iter().filter_map(of).collect();
    format!(
        "Times the floor (geometric mean): kernel {}, {}",
        kernel_floor(summary),
        all.join(", ")
    )
}

fn kernel_floor(summary: &Summary) -> String {
    let times = summary.rows.iter().filter_map(|row| row.cells[0].floor);
    crate::bench::summary::geometric(times).map_or(NONE.into(), factor)
}

/// Parts that run at the same time, each by itself.
fn parts(out: &mut String, summary: &Summary, policies: &[usize]) {
    for row in &summary.rows {
        for &at in policies {
            let cell = &row.cells[at];
            if cell.parts.is_empty() {
                continue;
            }
            let parts: Vec<_> = cell
                .parts
                .iter()
                .map(|(name, times)| format!("{name} {}", factor(*times)))
                .collect();
            let _ = writeln!(
                out,
                "{} with {}, each part against the kernel: {}",
                row.row.row,
                summary.columns[at],
                parts.join(", ")
            );
        }
    }
}

fn costs(out: &mut String, results: &Results) {
    if results.costs.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nInstructions of a decision, counted");
    let mut grid = Grid::new(["policy", "miss", "mark", "fault"].map(String::from).into());
    let mut policies: Vec<_> = results.costs.iter().map(|cost| &cost.policy).collect();
    policies.dedup();
    for policy in policies {
        let cost = |event: &str| {
            let of = |cost: &&crate::bench::CostLine| cost.policy == *policy && cost.event == event;
            results
                .costs
                .iter()
                .find(of)
                .map_or(NONE.into(), |cost| (cost.instructions / cost.decisions.max(1)).to_string())
        };
        grid.row(vec![policy.clone(), cost("miss"), cost("mark"), cost("fault")]);
    }
    let _ = writeln!(out, "{}", grid.0);
}

fn flaws(out: &mut String, summary: &Summary) {
    for row in &summary.rows {
        if let Some(why) = &row.no_floor {
            let _ = writeln!(out, "FLAW: {} has no floor: {why}", row.row.row);
        }
        for (column, cell) in summary.columns.iter().zip(&row.cells) {
            if let Some(why) = &cell.flaw {
                let _ = writeln!(out, "FLAW: {} with {column}: {why}", row.row.row);
            }
        }
    }
}
