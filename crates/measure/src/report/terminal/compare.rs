// SPDX-License-Identifier: GPL-2.0-only
//! A comparison: times and ratios, then what the device did.

use super::{Grid, NOISE, ONCE, WITHIN_NOISE, cells};
use crate::experiment::SlowRule;
use crate::report::text::{factor, megabytes, off_by, time};
use crate::report::{Cell, Report, Row};
use std::fmt::{self, Write};

const WRONG: &str = "WRONG DATA";

pub(super) fn write(out: &mut String, report: &Report<'_>) -> fmt::Result {
    let repeats = report.known.repeats();
    let (place, boot) = (report.rows.first(), report.known.boots.last());
    writeln!(
        out,
        "{} on {}, Linux {} ({}), median of {repeats} repeats",
        place.map_or("nothing", |row| row.row.place.device.name()),
        place.map_or("nothing", |row| row.row.place.fs.name()),
        report.known.header.kernel,
        boot.map_or("", |boot| &boot.accelerator),
    )?;
    writeln!(
        out,
        "\nTime, and how many times as fast as the kernel's own readahead (± half of the range)"
    )?;
    writeln!(out, "{}", grid(report, times))?;
    if cells(report).any(|cell| cell.ratio.is_some_and(|ratio| ratio.noise)) {
        let why = if repeats < 3 { "too few repeats to tell" } else { WITHIN_NOISE };
        writeln!(out, "{NOISE} within noise: {why}")?;
    }
    if cells(report).any(|cell| cell.once) {
        let over = SlowRule::COMPARISON.over;
        writeln!(out, "{ONCE} one run only: more than {over} times slower than the kernel")?;
    }
    writeln!(out, "\nRead from the device, for each byte asked for, and decisions (d)")?;
    writeln!(out, "{}", grid(report, device))?;
    let all = || {
        let of = |row: &'_ Row| {
            row.cells
                .iter()
                .zip(&report.columns)
                .map(|(cell, label)| (row.row.name.clone(), label, cell.clone()))
                .collect::<Vec<_>>()
        };
        report.rows.iter().flat_map(of)
    };
    for (name, label, _) in all().filter(|(_, _, cell)| cell.wrong) {
        writeln!(
            out,
            "{WRONG}: {name} with {label} read other bytes than the kernel's own readahead"
        )?;
    }
    for (name, label, cell) in all() {
        for (repeat, why) in &cell.failures {
            writeln!(out, "failed: {name} with {label}, repeat {}: {why}", repeat + 1)?;
        }
    }
    Ok(())
}

fn grid(report: &Report<'_>, show: fn(&Row, &Cell) -> String) -> Grid {
    let head = [&["workload".to_owned()][..], &report.columns].concat();
    Grid::of(
        report,
        head,
        |row| row.row.name.clone(),
        |row| {
            let show =
                |cell: &Cell| if cell.ns.is_some() { show(row, cell) } else { "failed".into() };
            row.cells.iter().map(show).collect::<Vec<_>>()
        },
    )
}

fn times(row: &Row, cell: &Cell) -> String {
    if cell.wrong {
        return WRONG.into();
    }
    let time = time(cell.ns.map_or(0.0, |ns| ns.median * row.ops));
    let Some(ratio) = cell.ratio else { return time };
    let mark = match ratio {
        _ if cell.once => ONCE,
        ratio if ratio.noise => NOISE,
        _ => " ",
    };
    // A single repeat has no spread to show.
    let off = match ratio.pairs {
        1 => String::new(),
        _ => off_by(ratio.half_range(), ratio.median),
    };
    format!("{time} {:>6} {off:>5}{mark}", factor(ratio.median))
}

fn device(_: &Row, cell: &Cell) -> String {
    let amplification = cell.amplification.map_or("-".into(), factor);
    let read = format!("{} {amplification}", megabytes(cell.device_bytes));
    match cell.ratio {
        None => read,
        Some(_) => format!("{read} {:.0}d", cell.decisions),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::comparison::tests::{example, report, sample};
    use crate::report::{Column, Comparison, Render as _, Runs, Terminal, View};
    use raext_model::Workload;
    use std::collections::BTreeMap;

    fn table(comparison: &Comparison) -> String {
        Terminal(View::Comparison).render(&report(&comparison.known()))
    }

    /// Seven workloads under three policies, with numbers as wide as they get.
    fn wide_numbers(repeats: u32) -> Comparison {
        let column = |name: &str| Column { name: name.into(), set: BTreeMap::new() };
        let run = |repeat: u32| {
            let sample = |(column, ms): (usize, u64)| {
                let mut sample = sample(ms + 3 * u64::from(repeat), 141_230_000, 7);
                (sample.bytes, sample.decisions) = (204_800, 4096);
                (column < 3 || repeat == 0).then_some(sample)
            };
            (0..).zip([1120, 1050, 98, 25_100]).map(sample).collect()
        };
        let row = |workload: Workload| Runs {
            spec: workload.default_spec(),
            runs: (0..repeats).map(run).collect(),
            failures: vec![],
        };
        Comparison {
            columns: ["kernel", "noop", "wide", "lean"].map(column).into(),
            rows: Workload::ALL.map(row).into(),
            ..example()
        }
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
        for expected in ["25.10 s 0.045x      *", "11.1x  ±0.3", "4096d", "* one run only"] {
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
