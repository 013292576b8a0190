// SPDX-License-Identifier: GPL-2.0-only
//! What a reader should know first: what is wrong with the measurements, and
//! what each policy gained and cost.

use crate::report::text::{factor, megabytes, time};
use crate::report::{Cell, Comparison};
use maud::{Markup, html};

/// Bytes differ worth a word from this factor on.
const WORTH_A_WORD: f64 = 1.5;

/// Failed and wrong cells, or nothing.
pub fn flaws(comparison: &Comparison) -> Markup {
    let wrong = comparison.wrong_cells();
    let name = |row: usize, column: usize| {
        format!(
            "{} with {}",
            comparison.rows[row].spec.workload,
            comparison.columns[column].label()
        )
    };
    html! {
        @if comparison.is_flawed() {
            div.flaws role="alert" {
                @if !wrong.is_empty() {
                    p { strong { "Wrong data." } " These read other bytes than the kernel's own "
                        "readahead did; their times mean nothing." }
                    ul { @for (row, column) in wrong { li { (name(row, column)) } } }
                }
                @if comparison.rows.iter().any(|row| !row.failures.is_empty()) {
                    p { strong { "Failed." } " These could not be measured." }
                    ul { @for (at, row) in comparison.rows.iter().enumerate() {
                        @for failure in &row.failures {
                            li { (name(at, failure.column)) ", repeat " (failure.repeat + 1) ": "
                                (failure.why) }
                        }
                    } }
                }
            }
        }
    }
}

/// A card for each policy.
pub fn findings(comparison: &Comparison) -> Markup {
    html! {
        div.cards.policies { @for (at, column) in comparison.columns.iter().enumerate().skip(1) {
            div.card.finding {
                h3 { (column.label()) }
                (finding(comparison, at))
            }
        } }
    }
}

/// A workload with the kernel's cell and the policy's.
struct Pair {
    workload: &'static str,
    kernel: Cell,
    own: Cell,
    ratio: f64,
    noise: bool,
}

impl Pair {
    /// The policy's device bytes for each of the kernel's.
    fn bytes(&self) -> f64 {
        self.own.device_bytes / self.kernel.device_bytes
    }
}

fn pairs(comparison: &Comparison, column: usize) -> Vec<Pair> {
    let pair = |row: usize| {
        let own = comparison.cell(row, column).filter(|cell| !cell.wrong_data)?;
        let ratio = own.ratio?;
        Some(Pair {
            workload: comparison.rows[row].spec.workload.name(),
            kernel: comparison.cell(row, 0)?,
            own,
            ratio: ratio.median,
            noise: ratio.is_within_noise(),
        })
    };
    (0..comparison.rows.len()).filter_map(pair).collect()
}

fn finding(comparison: &Comparison, column: usize) -> Markup {
    let pairs = pairs(comparison, column);
    let told = || pairs.iter().filter(|pair| !pair.noise);
    let best = told().max_by(|a, b| a.ratio.total_cmp(&b.ratio)).filter(|p| p.ratio > 1.0);
    let worst = told().min_by(|a, b| a.ratio.total_cmp(&b.ratio)).filter(|p| p.ratio < 1.0);
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

fn times(pair: &Pair) -> Markup {
    html! { b { (pair.workload) } ", " (time(pair.kernel.median_ns)) " to "
    (time(pair.own.median_ns)) }
}

fn bytes(pair: &Pair) -> Markup {
    html! { b { (pair.workload) } ", " (megabytes(pair.kernel.device_bytes)) " to "
    (megabytes(pair.own.device_bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::stats::tests::example;

    #[test]
    fn gains_costs_and_noise_are_told() {
        let example = example();
        let wide = finding(&example, 1).into_string();
        assert!(wide.contains("2.00x") && wide.contains("as fast at best: <b>seq-read"), "{wide}");
        assert!(wide.contains("2.00x the bytes") && wide.contains("2.1 MB to 4.2 MB"), "{wide}");
        assert!(!wide.contains("at worst: <b>seq-read</b>, 4"), "{wide}");
        // Its second workload brought wrong data, which is no gain.
        let noop = finding(&example, 2).into_string();
        assert!(noop.contains("no difference shown on 1 of 1 workloads"), "{noop}");
    }

    #[test]
    fn flaws_are_told_only_where_there_are_some() {
        let mut example = example();
        let page = flaws(&example).into_string();
        assert!(
            page.contains("Wrong data.") && page.contains("stride with &lt;noop&gt;"),
            "{page}"
        );
        assert!(page.contains("repeat 3: the reader &lt;died&gt;"), "{page}");
        example.rows.truncate(1);
        assert_eq!(flaws(&example).into_string(), "");
    }
}
