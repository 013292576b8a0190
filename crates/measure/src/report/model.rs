// SPDX-License-Identifier: GPL-2.0-only
//! The results of the measurements: each cell against the kernel and against the best
//! fixed length, the floor, and each policy over all rows.

use crate::experiment::{
    CACHED, CUT_BLIND, Contender, DEFAULT_KB, Flaw, Known, KnownWork, Outcome, SlowRule, WorkLine,
};
use crate::stats::{Noise, Ratio, Spread, geometric};
use serde::Serialize;

/// Everything that is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Report<'a> {
    /// The measurements behind it.
    #[serde(skip)]
    pub known: &'a Known,
    /// The contenders' labels.
    pub columns: Vec<String>,
    /// The rows that were begun.
    pub rows: Vec<Row>,
    /// Each policy over all rows.
    pub policies: Vec<Standing>,
    /// The reliability of the marks of noise.
    pub control: Option<Control>,
}

/// The kernel's default against the fixed length that it is: a difference that is shown
/// there is chance.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Control {
    /// Rows in which both were measured often enough.
    pub rows: usize,
    /// Rows in which a difference is shown.
    pub told: usize,
    /// Rows in which all the repeats agree on one.
    pub agreed: usize,
    /// The smallest and the largest quotient of both.
    pub range: (f64, f64),
}

/// A row.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The work.
    #[serde(flatten)]
    pub row: WorkLine,
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// The column of the fixed length that was the quickest here.
    pub best: Option<usize>,
    /// Nothing is faster: nanoseconds an operation.
    pub floor_ns: Option<f64>,
    /// Operations of a run; of several parts, the geometric mean.
    pub ops: f64,
    /// Why there is no floor.
    pub no_floor: Option<String>,
}

/// A cell.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cell {
    /// Nanoseconds an operation; `None` if it was not measured.
    pub ns: Option<Times>,
    /// Its flaw: it failed, or its answer is wrong.
    pub flaw: Option<String>,
    /// How many times as fast as the kernel.
    pub kernel: Option<Ratio>,
    /// How many times as fast as the best fixed length.
    pub best: Option<Ratio>,
    /// How many times the floor's time it takes.
    pub floor: Option<f64>,
    /// Median of the bytes that the device read.
    pub device_bytes: f64,
    /// Median of the requests that the device completed.
    pub device_reads: f64,
    /// Median of the decisions.
    pub decisions: f64,
    /// Each part by itself against the kernel, where there are several.
    pub parts: Vec<(String, f64)>,
    /// Whether it has one run only, since it is slower than the rule's limit.
    pub once: bool,
    /// Whether its figures are an upper bound: it was stopped early without a progress
    /// count.
    pub bound: bool,
    /// Device bytes for each byte asked for, where that was counted.
    #[serde(skip)]
    pub amplification: Option<f64>,
    /// Against the kernel, even where the cell is flawed; none for the kernel itself.
    #[serde(skip)]
    pub ratio: Option<Ratio>,
    /// Whether an answer is not that of the kernel's first run.
    #[serde(skip)]
    pub wrong: bool,
    /// The runs that failed, by repeat.
    #[serde(skip)]
    pub failures: Vec<(u32, Flaw)>,
}

/// Times of a cell's runs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    /// The median.
    pub median: f64,
    /// The quickest and the slowest.
    pub range: (f64, f64),
    /// How many.
    pub runs: usize,
}

/// A policy over all rows.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// Its column.
    pub column: usize,
    /// Against the kernel.
    pub kernel: Option<Tally>,
    /// Against the best fixed length of each row.
    pub best: Option<Tally>,
    /// Geometric mean of its times over the floors.
    pub floor: Option<f64>,
    /// Rows without a figure.
    pub missing: usize,
}

/// Quotients over rows.
#[derive(Debug, Clone, Serialize)]
pub struct Tally {
    /// Geometric mean.
    pub mean: f64,
    /// The smallest.
    pub worst: f64,
    /// The row that has it.
    pub worst_row: String,
    /// Rows in which it is faster, and that is not noise.
    pub faster: usize,
    /// Rows in which no difference was shown.
    pub same: usize,
    /// Rows in which it is slower, and that is not noise.
    pub slower: usize,
}

impl<'a> Report<'a> {
    /// The results of some rows (all, if none are named).
    pub fn of(known: &'a Known, slow: SlowRule, rows: &[String]) -> Self {
        let columns = &known.header.columns;
        let shown = known
            .rows
            .iter()
            .filter(|row| rows.is_empty() || rows.contains(&row.row.row))
            .filter(|row| !row.runs.is_empty());
        let rows: Vec<_> = shown.map(|row| row_of(row, columns, slow)).collect();
        let policies = columns.iter().enumerate().filter(|(_, column)| column.is_policy());
        let policies = policies.map(|(at, _)| standing(&rows, at)).collect();
        let control = control(&rows, columns);
        let columns = columns.iter().map(Contender::label).collect();
        Self { known, columns, rows, policies, control }
    }

    /// The contenders.
    pub fn contenders(&self) -> &'a [Contender] {
        &self.known.header.columns
    }

    /// The cost of a decision of each policy, instructions: at a miss, a mark, a fault.
    pub fn costs(&self) -> Vec<(String, [Option<u64>; 3])> {
        let costs = &self.known.costs;
        let mut policies: Vec<_> = costs.iter().map(|cost| cost.policy.clone()).collect();
        policies.dedup();
        let of = |policy: &String, event: &str| {
            let cost =
                costs.iter().find(|cost| (&cost.policy, &cost.event[..]) == (policy, event))?;
            Some(cost.instructions / cost.decisions.max(1))
        };
        let all = |policy: String| {
            let costs = ["miss", "mark", "fault"].map(|event| of(&policy, event));
            (policy, costs)
        };
        policies.into_iter().map(all).collect()
    }

    /// The flaws of all cells, a line each.
    pub fn flaws(&self) -> Vec<String> {
        let cells = |row: &Row| {
            let of = |(label, cell): (&String, &Cell)| {
                Some(format!("{} with {label}: {}", row.row.row, cell.flaw.as_ref()?))
            };
            self.columns.iter().zip(&row.cells).filter_map(of).collect::<Vec<_>>()
        };
        let none = |row: &Row| {
            row.no_floor.as_ref().map(|why| format!("{} has no floor: {why}", row.row.row))
        };
        self.rows.iter().flat_map(|row| none(row).into_iter().chain(cells(row))).collect()
    }

    /// Whether a cell failed or has a wrong answer.
    pub fn is_flawed(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.no_floor.is_some() || row.cells.iter().any(|cell| cell.flaw.is_some()))
    }
}

fn row_of(row: &KnownWork, columns: &[Contender], slow: SlowRule) -> Row {
    let right = answer(row);
    let mut cells: Vec<_> =
        columns.iter().map(|column| cell(row, &column.key(), right.as_deref())).collect();
    let median = |cell: &Cell| cell.ns.filter(|_| cell.flaw.is_none()).map(|ns| ns.median);
    let fixed = columns.iter().enumerate().filter(|(_, column)| column.is_fixed());
    let best = fixed
        .filter_map(|(at, _)| Some((at, median(&cells[at])?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at);
    let floor = floor(row, right.as_deref());
    let noise = noise(row, columns);
    let lengths = columns.iter().filter(|column| column.is_fixed()).count();
    let longest = cells.iter().filter_map(|cell| Some(cell.ns?.runs)).max().unwrap_or(0);
    for (column, cell) in columns.iter().zip(&mut cells) {
        let key = column.key();
        cell.once =
            longest > 1 && cell.ns.is_some_and(|ns| ns.runs == 1) && slow.is_over(row, &key);
        if *column != Contender::Kernel {
            cell.ratio = quotient(row, &Contender::Kernel.key(), &key, noise, 1);
        }
        if cell.flaw.is_some() {
            continue;
        }
        cell.floor = floor.as_ref().ok().and_then(|floor| Some(cell.ns?.median / floor));
        if *column != Contender::Kernel {
            cell.kernel = cell.ratio;
            cell.parts = parts(row, &Contender::Kernel.key(), &key);
        }
        let best = best.map(|best| columns[best].key());
        cell.best = best.and_then(|best| quotient(row, &best, &key, noise, lengths));
    }
    let ops = row.outcomes(&Contender::Kernel.key()).next();
    Row {
        row: row.row.clone(),
        cells,
        best,
        ops: ops
            .and_then(|(_, outcome)| geometric(outcome.parts.iter().map(|part| part.ops as f64)))
            .unwrap_or(1.0),
        no_floor: floor.as_ref().err().cloned().flatten(),
        floor_ns: floor.ok(),
    }
}

/// The answer that all columns are to give: the kernel's, from its first run.
fn answer(row: &KnownWork) -> Option<String> {
    let mut outcomes = row.outcomes(&Contender::Kernel.key());
    outcomes.next().map(|(_, outcome)| outcome.answer.clone())
}

fn cell(row: &KnownWork, key: &str, right: Option<&str>) -> Cell {
    let of = |value: fn(&Outcome) -> f64| Spread::of(row.outcomes(key).map(|(_, o)| value(o)));
    let median = |value| of(value).map_or(0.0, |spread| spread.median);
    let wrong = row
        .outcomes(key)
        .find(|(_, o)| !o.is_cut() && right.is_some_and(|right| right != o.answer));
    let wrong = wrong.map(|(repeat, _)| {
        format!("wrong answer in repeat {}: not the one of the kernel's own readahead", repeat + 1)
    });
    let counted = row.outcomes(key).filter(|(_, outcome)| outcome.bytes > 0);
    let amplified = counted.map(|(_, outcome)| outcome.device_bytes as f64 / outcome.bytes as f64);
    Cell {
        ns: of(Outcome::ns_per_op).map(|spread| Times {
            median: spread.median,
            range: spread.range,
            runs: spread.count,
        }),
        wrong: wrong.is_some(),
        flaw: wrong.or_else(|| row.failure(key).map(ToString::to_string)),
        failures: row.failures(key).map(|(repeat, why)| (repeat, why.clone())).collect(),
        amplification: Spread::of(amplified).map(|spread| spread.median),
        device_bytes: median(|outcome| outcome.device_bytes as f64),
        device_reads: median(|outcome| outcome.device_reads as f64),
        decisions: median(|outcome| outcome.decisions as f64),
        bound: row.outcomes(key).any(|(_, outcome)| outcome.answer == CUT_BLIND),
        ..Cell::default()
    }
}

/// How many times as fast `key` is as `base`, repeat by repeat, where the base was
/// chosen among so many.
fn quotient(
    row: &KnownWork,
    base: &str,
    key: &str,
    noise: Option<Noise>,
    among: usize,
) -> Option<Ratio> {
    let ratio = Ratio::of(pairs(row, base, key).map(|(b, o)| b.ns_per_op() / o.ns_per_op()))?;
    let ratio = ratio.amid(noise, among);
    // A column is itself, for sure.
    Some(Ratio { noise: base != key && ratio.noise, ..ratio })
}

/// How far runs of the same column scatter in a row.
fn noise(row: &KnownWork, columns: &[Contender]) -> Option<Noise> {
    let keys: Vec<_> = columns.iter().map(Contender::key).collect();
    Noise::of(keys.iter().map(|key| row.outcomes(key).map(|(_, outcome)| outcome.ns_per_op())))
}

fn control(rows: &[Row], columns: &[Contender]) -> Option<Control> {
    let at = columns.iter().position(|column| *column == Contender::Fixed(DEFAULT_KB))?;
    let quotients = rows.iter().filter_map(|row| row.cells[at].kernel.map(|of| (row, of)));
    let often = quotients.filter(|(row, _)| row.cells[at].ns.is_some_and(|ns| ns.runs > 2));
    let quotients: Vec<_> = often.map(|(_, quotient)| quotient).collect();
    let range = Spread::of(quotients.iter().map(|quotient| quotient.median))?.range;
    let count = |test: fn(&Ratio) -> bool| quotients.iter().filter(|of| test(of)).count();
    Some(Control {
        rows: quotients.len(),
        told: count(|of| !of.noise),
        agreed: count(|of| of.range.0 > 1.0 || of.range.1 < 1.0),
        range,
    })
}

/// The outcomes of the same repeat.
pub(crate) fn pairs<'a>(
    row: &'a KnownWork,
    base: &'a str,
    key: &'a str,
) -> impl Iterator<Item = (&'a Outcome, &'a Outcome)> {
    row.outcomes(base).filter_map(move |(repeat, base)| {
        let own = row.outcomes(key).find(|(own, _)| *own == repeat)?.1;
        Some((base, own))
    })
}

fn parts(row: &KnownWork, base: &str, key: &str) -> Vec<(String, f64)> {
    let first = row.outcomes(base).next().map_or(&[][..], |(_, outcome)| &outcome.parts);
    if first.len() < 2 {
        return Vec::new();
    }
    let part = |(at, name): (usize, &String)| {
        let ns = |outcome: &Outcome| Some(outcome.parts.get(at)?.ns.max(1) as f64);
        let ratios = pairs(row, base, key).filter_map(|(b, o)| Some(ns(b)? / ns(o)?));
        Some((name.clone(), Spread::of(ratios)?.median))
    };
    first.iter().map(|part| &part.name).enumerate().filter_map(part).collect()
}

/// The least time of a run, nanoseconds an operation, as the geometric mean over
/// its parts. A part takes at least as long as with all data cached, and at least
/// as long as the device needs for its bytes; and nothing comes before the
/// device's latency has passed.
///
/// # Errors
/// The reason why there is none, if it is one that a user should know.
fn floor(row: &KnownWork, right: Option<&str>) -> Result<f64, Option<String>> {
    if let Some(why) = row.failure(CACHED) {
        return Err(Some(format!("the cached run failed: {why}")));
    }
    let cached: Vec<_> = row.outcomes(CACHED).map(|(_, outcome)| outcome).collect();
    let first = cached.first().ok_or(None)?;
    if cached.iter().any(|outcome| right.is_some_and(|right| right != outcome.answer)) {
        return Err(Some("the cached run has another answer".into()));
    }
    let device = row.row.place.device;
    let needed = needed_bytes(row, first.parts.len());
    let mut log = 0.0;
    for (at, part) in first.parts.iter().enumerate() {
        let times = cached.iter().filter_map(|outcome| Some(outcome.parts.get(at)?.ns as f64));
        // The quickest: what others cached in larger folios is found quicker.
        let cached_ns = times.reduce(f64::min).ok_or(None)?;
        let bytes = needed.get(at).copied().unwrap_or(0);
        let transfer_ns = bytes as f64 * 1e3 / f64::from(device.mbps());
        let least = cached_ns.max(transfer_ns) + device.latency_ns() as f64;
        log += (least / part.ops.max(1) as f64).ln();
    }
    Ok((log / first.parts.len().max(1) as f64).exp())
}

/// Bytes that each part needs. Where the row does not know, the least that any run
/// made the device read; that cannot be divided among several parts.
fn needed_bytes(row: &KnownWork, parts: usize) -> Vec<u64> {
    if let Some(needed) = &row.row.needed {
        return needed.clone();
    }
    let cold = row.runs.keys().filter(|key| *key != CACHED);
    let whole = cold.flat_map(|key| row.outcomes(key)).filter(|(_, outcome)| !outcome.is_cut());
    let read = whole.map(|(_, outcome)| outcome.device_bytes);
    match (parts, read.min()) {
        (1, Some(least)) => vec![least],
        _ => vec![0; parts],
    }
}

fn standing(rows: &[Row], column: usize) -> Standing {
    let tally = |of: fn(&Cell) -> Option<Ratio>| {
        let quotients: Vec<_> =
            rows.iter().filter_map(|row| Some((row, of(&row.cells[column])?))).collect();
        let (row, worst) = quotients.iter().min_by(|a, b| a.1.median.total_cmp(&b.1.median))?;
        let count = |test: fn(&Ratio) -> bool| quotients.iter().filter(|(_, q)| test(q)).count();
        Some(Tally {
            mean: geometric(quotients.iter().map(|(_, q)| q.median))?,
            worst: worst.median,
            worst_row: row.row.row.clone(),
            faster: count(|q| !q.noise && q.median > 1.0),
            same: count(|q| q.noise || q.median == 1.0),
            slower: count(|q| !q.noise && q.median < 1.0),
        })
    };
    Standing {
        column,
        kernel: tally(|cell| cell.kernel),
        best: tally(|cell| cell.best),
        floor: geometric(rows.iter().filter_map(|row| row.cells[column].floor)),
        missing: rows.iter().filter(|row| row.cells[column].kernel.is_none()).count(),
    }
}
