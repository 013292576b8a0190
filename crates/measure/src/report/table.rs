// SPDX-License-Identifier: GPL-2.0-only
//! The tables for a terminal: times and ratios, then what the device did.

use crate::report::text::{factor, megabytes, off_by, time};
use crate::report::{Cell, Comparison};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table, TableComponent};
use std::fmt::Write as _;

/// Mark of a ratio that may be none.
const NOISE: &str = "~";
/// Mark of a cell that was measured once, since it is far too slow.
const ONCE: &str = "*";
const WRONG: &str = "WRONG DATA";

/// Why a difference is told as none.
pub const WITHIN_NOISE: &str = "runs of the same differ as much, by chance";

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
    let _ = writeln!(
        out,
        "\nTime, and how many times as fast as the kernel's own readahead (± half of the range)"
    );
    let _ = writeln!(out, "{}", grid(comparison, |cell| times(cell, about.repeats)));
    let noisy = cells(comparison).any(|cell| cell.ratio.is_some_and(|r| r.is_within_noise()));
    if noisy {
        let why = if about.repeats < 3 { "too few repeats to tell" } else { WITHIN_NOISE };
        let _ = writeln!(out, "{NOISE} within noise: {why}");
    }
    if cells(comparison).any(|cell| is_once(&cell, about.repeats)) {
        let _ = writeln!(out, "{ONCE} measured once, so slow is it");
    }
    let _ = writeln!(out, "\nRead from the device, for each byte asked for, and decisions (d)");
    let _ = writeln!(out, "{}", grid(comparison, device));
    for (row, column) in comparison.wrong_cells() {
        let _ = writeln!(
            out,
            "{WRONG}: {} with {} read other bytes than the kernel's own readahead",
            comparison.rows[row].spec.workload,
            comparison.columns[column].label()
        );
    }
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

/// Whether a cell was measured once where others were repeated.
fn is_once(cell: &Cell, repeats: u32) -> bool {
    cell.runs == 1 && repeats > 1
}

fn grid(comparison: &Comparison, show: impl Fn(&Cell) -> String) -> Table {
    let mut table = Table::new();
    // No rules between rows: both of what they are made of.
    table
        .load_preset(UTF8_HORIZONTAL_ONLY)
        .remove_style(TableComponent::HorizontalLines)
        .remove_style(TableComponent::MiddleIntersections);
    let labels = comparison.columns.iter().map(crate::report::Column::label);
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

fn times(cell: &Cell, repeats: u32) -> String {
    if cell.wrong_data {
        return WRONG.into();
    }
    let time = time(cell.median_ns);
    match cell.ratio {
        None => time,
        Some(ratio) => {
            let mark = match ratio {
                _ if is_once(cell, repeats) => ONCE,
                ratio if ratio.is_within_noise() => NOISE,
                _ => " ",
            };
            // A single repeat has no spread to show.
            let off = match ratio.pairs {
                1 => String::new(),
                _ => off_by(ratio.half_range(), ratio.median),
            };
            format!("{time} {:>6} {off:>5}{mark}", factor(ratio.median))
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
    use crate::report::stats::tests::{example, sample};
    use crate::report::{Column, Comparison};
    use raext_model::Workload;
    use std::collections::BTreeMap;

    /// All workloads under three policies, with numbers as wide as they get.
    fn wide_numbers(repeats: u32) -> Comparison {
        let policy = |name: &str| Column { name: name.into(), set: BTreeMap::new() };
        let policies = ["noop", "wide", "lean"].map(policy).into();
        let specs = Workload::ALL.map(Workload::default_spec);
        let about = crate::report::About { repeats, ..example().about };
        let mut comparison = Comparison::new(about, policies, &specs);
        for (row, column) in (0..7).flat_map(|row| (0..4).map(move |column| (row, column))) {
            for repeat in 0..repeats {
                if column == 3 && repeat > 0 {
                    continue;
                }
                let ms = [1120, 1050, 98, 25_100][column] + 3 * u64::from(repeat);
                let mut sample = sample(ms, 141_230_000, 7);
                (sample.bytes, sample.decisions) = (204_800, 4096);
                comparison.record(row, repeat, column, Ok(sample));
            }
        }
        comparison
    }

    #[test]
    fn nothing_stands_between_two_rows() {
        let text = table(&wide_numbers(3));
        let lines: Vec<_> = text.lines().collect();
        let first = lines.iter().position(|line| line.contains("seq-read")).unwrap();
        for (line, workload) in lines[first..].iter().zip(Workload::ALL) {
            assert!(line.contains(workload.name()), "{line}");
        }
    }

    #[test]
    fn four_columns_fit_into_100_characters() {
        let text = table(&wide_numbers(3));
        for expected in ["25.10 s 0.045x      *", "11.1x  ±0.3", "4096d", "* measured once"] {
            assert!(text.contains(expected), "no '{expected}' in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn every_mark_is_explained() {
        let single = table(&wide_numbers(1));
        assert!(!single.contains('*'), "{single}");
        assert!(single.contains("1.07x      ~") && single.contains("too few repeats"), "{single}");
        let example = table(&example());
        assert!(example.contains("~ within noise") && !example.contains("too few"), "{example}");
    }

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
            "205 ms  2.00x ±0.00",
            "1.00x ±0.01~",
            "WRONG DATA: stride with <noop>",
            "within noise",
            "4.00x 4d",
            "failed: stride with wide:limit_kb=8192, repeat 3: the reader <died>",
        ] {
            assert!(text.contains(expected), "no '{expected}' in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
