// SPDX-License-Identifier: GPL-2.0-only
//! The tables for a terminal: times and ratios, then what the device did.

use crate::text::{factor, megabytes, time};
use crate::{Cell, Comparison};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write as _;

/// Mark of a ratio that may be none.
const NOISE: &str = "~";
/// Mark of a cell that was measured once, since it is far too slow.
const ONCE: &str = "*";
const WRONG: &str = "WRONG DATA";

/// The whole report for a terminal.
pub fn table(comparison: &Comparison) -> String {
    let about = &comparison.about;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} on {}, Linux {} ({}), median of {} repeats",
        about.device.profile, about.device.fs, about.kernel, about.accelerator, about.repeats
    );
    let _ = writeln!(out, "\nTime, and how many times as fast as the kernel's own readahead");
    let _ = writeln!(out, "{}", grid(comparison, times));
    let noisy = cells(comparison).any(|cell| cell.ratio.is_some_and(|r| r.is_within_noise()));
    if noisy {
        let _ = writeln!(out, "{NOISE} within noise: the repeats do not agree on a difference");
    }
    let repeats = about.repeats as usize;
    if cells(comparison).any(|cell| cell.runs < repeats) {
        let _ = writeln!(out, "{ONCE} measured once, so slow is it");
    }
    let _ = writeln!(out, "\nRead from the device, for each byte asked for, and decisions (d)");
    let _ = writeln!(out, "{}", grid(comparison, device));
    for row in &comparison.rows {
        for failure in &row.failures {
            let _ = writeln!(
                out,
                "failed: {} with {}, repeat {}: {}",
                row.spec.workload,
                comparison.columns[failure.column].label(),
                failure.repeat + 1,
                failure.why
            );
        }
    }
    out
}

fn cells(comparison: &Comparison) -> impl Iterator<Item = Cell> {
    (0..comparison.rows.len()).flat_map(move |row| {
        (0..comparison.columns.len()).filter_map(move |column| comparison.cell(row, column))
    })
}

fn grid(comparison: &Comparison, show: fn(&Cell) -> String) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    let labels = comparison.columns.iter().map(crate::Column::label);
    table.set_header(["workload".to_owned()].into_iter().chain(labels));
    for (at, row) in comparison.rows.iter().enumerate() {
        let shown = (0..comparison.columns.len()).map(|column| {
            comparison.cell(at, column).map_or_else(|| "failed".to_owned(), |cell| show(&cell))
        });
        table.add_row([row.spec.workload.to_string()].into_iter().chain(shown));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn times(cell: &Cell) -> String {
    if cell.wrong_data {
        return WRONG.into();
    }
    let time = time(cell.median_ns);
    match cell.ratio {
        None => time,
        Some(ratio) => {
            let mark = match cell.runs {
                1 => ONCE,
                _ if ratio.is_within_noise() => NOISE,
                _ => " ",
            };
            format!("{time} {:>6}{mark}", factor(ratio.median))
        }
    }
}

fn device(cell: &Cell) -> String {
    let read = format!("{} {}", megabytes(cell.device_bytes), factor(cell.amplification));
    match cell.ratio {
        None => read,
        Some(_) => format!("{read} {:.0}d", cell.decisions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tests::example;

    #[test]
    fn everything_that_was_measured_is_there() {
        let text = table(&example());
        for expected in [
            "disk on ext4",
            "seq-read",
            "stride",
            "kernel",
            "wide:limit_kb=8192",
            "410 ms",
            "205 ms  2.00x",
            "1.00x~",
            "WRONG DATA",
            "within noise",
            "4.00x 4d",
            "failed: stride with wide:limit_kb=8192, repeat 3: the reader <died>",
        ] {
            assert!(text.contains(expected), "no '{expected}' in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
