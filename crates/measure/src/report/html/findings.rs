// SPDX-License-Identifier: GPL-2.0-only
//! The findings that a reader needs first: the flaws of the measurements, and
//! what each policy gained and cost.

use crate::report::text::{factor, megabytes, time};
use crate::report::{Cell, Report};
use maud::{Markup, html};

/// Bytes differ worth a word from this factor on.
const WORTH_A_WORD: f64 = 1.5;

/// Failed and wrong cells, or nothing.
pub(super) fn flaws(report: &Report<'_>) -> Markup {
    let cells = || {
        report.rows.iter().flat_map(|row| {
            let cells = row.cells.iter().zip(&report.columns);
            cells.map(|(cell, label)| (format!("{} with {label}", row.row.name), cell))
        })
    };
    html! {
        @if report.is_flawed() {
            div.flaws role="alert" {
                @if cells().any(|(_, cell)| cell.wrong) {
                    p { strong { "Wrong data." } " These read other bytes than the kernel's own "
                        "readahead did; their times mean nothing." }
                    ul { @for (name, _) in cells().filter(|(_, cell)| cell.wrong) {
                        li { (name) }
                    } }
                }
                @if cells().any(|(_, cell)| !cell.failures.is_empty()) {
                    p { strong { "Failed." } " These could not be measured." }
                    ul { @for (name, cell) in cells() { @for (repeat, why) in &cell.failures {
                        li { (name) ", repeat " (repeat + 1) ": " (why) }
                    } } }
                }
            }
        }
    }
}

/// A card for each policy.
pub(super) fn findings(report: &Report<'_>) -> Markup {
    html! {
        div.cards.policies { @for (at, label) in report.columns.iter().enumerate().skip(1) {
            div.card.finding {
                h3 { (label) }
                (finding(report, at))
            }
        } }
    }
}

/// A workload with the kernel's cell and the policy's.
struct Pair<'a> {
    workload: &'a str,
    ops: f64,
    kernel: &'a Cell,
    own: &'a Cell,
    ratio: f64,
    noise: bool,
}

impl Pair<'_> {
    /// The policy's device bytes for each of the kernel's.
    fn bytes(&self) -> f64 {
        self.own.device_bytes / self.kernel.device_bytes
    }

    fn time(&self, cell: &Cell) -> String {
        time(cell.ns.map_or(0.0, |ns| ns.median * self.ops))
    }
}

fn pairs<'a>(report: &'a Report<'_>, column: usize) -> Vec<Pair<'a>> {
    let pair = |row: &'a crate::report::Row| {
        let own = &row.cells[column];
        let ratio = own.ratio.filter(|_| !own.wrong)?;
        Some(Pair {
            workload: &row.row.name,
            ops: row.ops,
            kernel: &row.cells[0],
            own,
            ratio: ratio.median,
            noise: ratio.noise,
        })
    };
    report.rows.iter().filter_map(pair).collect()
}

fn finding(report: &Report<'_>, column: usize) -> Markup {
    let pairs = pairs(report, column);
    let shown = || pairs.iter().filter(|pair| !pair.noise);
    let best = shown().max_by(|a, b| a.ratio.total_cmp(&b.ratio)).filter(|p| p.ratio > 1.0);
    let worst = shown().min_by(|a, b| a.ratio.total_cmp(&b.ratio)).filter(|p| p.ratio < 1.0);
    let noise = pairs.iter().filter(|pair| pair.noise).count();
    let fewest = pairs.iter().min_by(|a, b| a.bytes().total_cmp(&b.bytes()));
    let most = pairs.iter().max_by(|a, b| a.bytes().total_cmp(&b.bytes()));
    html! {
        ul {
            @if let Some(best) = best {
                li { span.good { (factor(best.ratio)) } " as fast at best: " (times(best)) }
            }
            @if let Some(worst) = worst {
                li { span.poor { (factor(worst.ratio)) } " as fast at worst: " (times(worst)) }
            }
            @if noise > 0 {
                li { "no difference shown on " (noise) " of " (pairs.len()) " workloads" }
            }
            @if let Some(few) = fewest.filter(|pair| 1.0 / pair.bytes() >= WORTH_A_WORD) {
                li { (factor(1.0 / few.bytes())) " fewer bytes from the device at best: "
                    (bytes(few)) }
            }
            @if let Some(many) = most.filter(|pair| pair.bytes() >= WORTH_A_WORD) {
                li { (factor(many.bytes())) " the bytes from the device at worst: "
                    (bytes(many)) }
            }
            @if pairs.is_empty() { li { "nothing was measured" } }
        }
    }
}

fn times(pair: &Pair<'_>) -> Markup {
    html! { b { (pair.workload) } ", " (pair.time(pair.kernel)) " to "
    (pair.time(pair.own)) }
}

fn bytes(pair: &Pair<'_>) -> Markup {
    html! { b { (pair.workload) } ", " (megabytes(pair.kernel.device_bytes)) " to "
    (megabytes(pair.own.device_bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::tests::{example, report};

    #[test]
    fn gains_costs_and_noise_are_told() {
        let known = example().known();
        let wide = finding(&report(&known), 1).into_string();
        assert!(wide.contains("2.00x") && wide.contains("as fast at best: <b>seq-read"), "{wide}");
        assert!(wide.contains("2.00x the bytes") && wide.contains("2.1 MB to 4.2 MB"), "{wide}");
        assert!(!wide.contains("at worst: <b>seq-read</b>, 4"), "{wide}");
        // Its second workload brought wrong data, which is no gain.
        let noop = finding(&report(&known), 2).into_string();
        assert!(noop.contains("no difference shown on 1 of 1 workloads"), "{noop}");
    }

    #[test]
    fn flaws_are_told_only_where_there_are_some() {
        let mut example = example();
        let page = flaws(&report(&example.known())).into_string();
        assert!(
            page.contains("Wrong data.") && page.contains("stride with &lt;noop&gt;"),
            "{page}"
        );
        assert!(page.contains("repeat 3: the reader &lt;died&gt;"), "{page}");
        example.rows.truncate(1);
        assert_eq!(flaws(&report(&example.known())).into_string(), "");
    }
}
