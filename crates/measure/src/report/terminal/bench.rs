// SPDX-License-Identifier: GPL-2.0-only
//! A bench: against the kernel, the best fixed length and the floor, row by row and
//! over all rows.

use super::{Grid, NOISE, NONE, ONCE, WITHIN_NOISE, cells, controlled};
use crate::experiment::{Contender, SlowRule};
use crate::report::text::{factor, time};
use crate::report::{Cell, Report, Row, Standing, Tally};
use crate::stats::{Ratio, geometric};
use std::fmt::{self, Write};

/// Mark of a cell that is slower than its figure says.
const BOUND: &str = "<";

pub(super) fn write(out: &mut String, report: &Report<'_>) -> fmt::Result {
    let contenders = report.contenders();
    let at = |test: fn(&Contender) -> bool| -> Vec<usize> {
        (0..contenders.len()).filter(|at| test(&contenders[*at])).collect()
    };
    let (fixed, policies) = (at(Contender::is_fixed), at(Contender::is_policy));
    writeln!(out, "Linux {}{}", report.known.header.kernel, machine(report))?;
    if report.rows.is_empty() {
        return writeln!(out, "\nnothing was measured yet");
    }
    let head = |first: &[&str], rest: &[usize], last: &[&str]| -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let rest = rest.iter().map(|at| report.columns[*at].clone()).collect();
        [words(first), rest, words(last)].concat()
    };
    let grid = |head, cells: &dyn Fn(&Row) -> Vec<String>| {
        Grid::of(report, head, |row| row.row.row.clone(), cells)
    };
    writeln!(
        out,
        "\nHow many times as fast as the kernel's default. The best fixed read_ahead_kb is chosen\n\
         with hindsight, for each row by itself; the floor is what no policy can beat."
    )?;
    let against_kernel =
        grid(head(&["row", "kernel", "best fixed", ""], &policies, &["floor"]), &|row| {
            let best = row.best.map(|at| &row.cells[at]);
            let mut cells = vec![
                total(row, &row.cells[0]),
                row.best.map_or(NONE.into(), |at| report.columns[at].clone()),
                best.map_or(NONE.into(), |cell| against(cell, |cell| cell.kernel)),
            ];
            cells.extend(policies.iter().map(|at| against(&row.cells[*at], |cell| cell.kernel)));
            cells.push(row.cells[0].floor.map_or(NONE.into(), factor));
            cells
        });
    writeln!(out, "{against_kernel}")?;
    writeln!(out, "\nThe same, against the best fixed read_ahead_kb of each row")?;
    let against_best = grid(head(&["row", "kernel"], &policies, &[]), &|row| {
        let columns = [0].iter().chain(&policies);
        columns.map(|at| against(&row.cells[*at], |cell| cell.best)).collect()
    });
    writeln!(out, "{against_best}")?;
    writeln!(
        out,
        "\nHow far from the floor: time over the larger of the fully cached time and the needed\n\
         bytes over the device's bandwidth, plus one latency"
    )?;
    let from_floor =
        grid(head(&["row", "floor", "kernel", "best fixed"], &policies, &[]), &|row| {
            let floor = row.floor_ns.map_or(NONE.into(), |ns| time(ns * row.ops));
            let columns =
                [Some(0), row.best].into_iter().chain(policies.iter().map(|at| Some(*at)));
            let times =
                columns.map(|at| at.and_then(|at| row.cells[at].floor).map_or(NONE.into(), factor));
            [floor].into_iter().chain(times).collect()
        });
    writeln!(out, "{from_floor}")?;
    writeln!(out, "\nEach fixed read_ahead_kb, against the kernel's default")?;
    let each_fixed = grid(head(&["row"], &fixed, &[]), &|row| {
        fixed.iter().map(|at| against(&row.cells[*at], |cell| cell.kernel)).collect()
    });
    writeln!(out, "{each_fixed}")?;
    marks(out, report)?;
    if let Some(control) = report.control {
        writeln!(out, "{}", controlled(control))?;
    }
    writeln!(out, "\nOver all rows")?;
    let head = ["policy", "against", "mean", "faster", "same", "slower", "worst", "worst row"];
    let mut grid = Grid::new(head.map(String::from).into());
    for cells in report.policies.iter().flat_map(|standing| standing_rows(report, standing)) {
        grid.row(cells);
    }
    writeln!(out, "{grid}")?;
    writeln!(out, "{}", floors(report))?;
    parts(out, report, &policies)?;
    costs(out, report)?;
    report.flaws().iter().try_for_each(|flaw| writeln!(out, "FLAW: {flaw}"))
}

fn machine(report: &Report<'_>) -> String {
    report.known.boots.last().map_or_else(String::new, |boot| {
        format!(" ({}, {} processors of the host, {})", boot.accelerator, boot.host_cpus, boot.date)
    })
}

/// A cell's time.
fn total(row: &Row, cell: &Cell) -> String {
    match (&cell.flaw, cell.ns) {
        (Some(_), _) => "FLAW".into(),
        (None, Some(ns)) => time(ns.median * row.ops),
        (None, None) => NONE.into(),
    }
}

fn against(cell: &Cell, of: fn(&Cell) -> Option<Ratio>) -> String {
    if cell.flaw.is_some() {
        return "FLAW".into();
    }
    let Some(ratio) = of(cell) else { return NONE.into() };
    let mark = match ratio {
        _ if cell.once => ONCE,
        Ratio { noise: true, .. } => NOISE,
        _ => " ",
    };
    format!("{}{}{mark}", if cell.bound { BOUND } else { "" }, factor(ratio.median))
}

fn marks(out: &mut String, report: &Report<'_>) -> fmt::Result {
    let noisy = |ratio: &Option<Ratio>| ratio.is_some_and(|ratio| ratio.noise);
    if cells(report).any(|cell| noisy(&cell.kernel) || noisy(&cell.best)) {
        writeln!(out, "{NOISE} within noise: {WITHIN_NOISE}, or too few repeats")?;
    }
    if cells(report).any(|cell| cell.once) {
        let over = SlowRule::BENCH.over;
        writeln!(
            out,
            "{ONCE} one run only, stopped early where possible: more than {over} times slower \
             than the kernel"
        )?;
    }
    if cells(report).any(|cell| cell.bound) {
        writeln!(
            out,
            "{BOUND} stopped early without a progress count: the value is an upper bound"
        )?;
    }
    Ok(())
}

fn standing_rows(report: &Report<'_>, standing: &Standing) -> Vec<Vec<String>> {
    let row = |against: &str, tally: &Option<Tally>| {
        let name = report.columns[standing.column].clone();
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

fn floors(report: &Report<'_>) -> String {
    let of = |standing: &Standing| {
        let times = factor(standing.floor?);
        Some(format!("{} {times}", report.columns[standing.column]))
    };
    let all: Vec<_> = report.policies.iter().filter_map(of).collect();
    let kernel = geometric(report.rows.iter().filter_map(|row| row.cells[0].floor));
    let kernel = kernel.map_or(NONE.into(), factor);
    format!("Times the floor (geometric mean): kernel {kernel}, {}", all.join(", "))
}

/// Parts that run at the same time, each by itself.
fn parts(out: &mut String, report: &Report<'_>, policies: &[usize]) -> fmt::Result {
    for row in &report.rows {
        for &at in policies {
            let parts = row.cells[at].parts.iter();
            let parts: Vec<_> =
                parts.map(|(name, times)| format!("{name} {}", factor(*times))).collect();
            if !parts.is_empty() {
                writeln!(
                    out,
                    "{} with {}, each part against the kernel: {}",
                    row.row.row,
                    report.columns[at],
                    parts.join(", ")
                )?;
            }
        }
    }
    Ok(())
}

fn costs(out: &mut String, report: &Report<'_>) -> fmt::Result {
    let costs = report.costs();
    if costs.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nInstructions of a decision, counted")?;
    let mut grid = Grid::new(["policy", "miss", "mark", "fault"].map(String::from).into());
    for (policy, costs) in costs {
        let costs = costs.map(|cost| cost.map_or(NONE.into(), |cost| cost.to_string()));
        grid.row([policy].into_iter().chain(costs).collect());
    }
    writeln!(out, "{grid}")
}
