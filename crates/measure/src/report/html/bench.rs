// SPDX-License-Identifier: GPL-2.0-only
//! The page of a bench.

use super::heat::heat;
use super::lanes::lanes;
use crate::experiment::Contender;
use crate::report::terminal::controlled;
use crate::report::text::{factor, megabytes, time};
use crate::report::{Report, Row, Standing, Tally};
use maud::{Markup, html};

pub(super) fn page(report: &Report<'_>) -> Markup {
    let body = html! {
        (about(report))
        (flaws(report))
        h2 { "Over all rows" }
        div.cards.standings {
            @for standing in &report.policies { (card(report, standing)) }
        }
        h2 { "Everything at a glance" }
        p.soft { "How many times as fast as the kernel's default; grey is within noise. "
            "The best fixed read_ahead_kb of each row, chosen with hindsight, has a frame." }
        (heat(report))
        h2 { "Row by row" }
        p.soft { "Time as a multiple of the floor, on a logarithmic scale; shorter is "
            "better, and no bar at all would be perfect. Circles are the other fixed "
            "read_ahead_kb, whiskers go from the quickest to the slowest run. Behind "
            "each bar: its time, and how many times as fast as the kernel." }
        div.cards.charts { @for row in &report.rows { (chart(report, row)) } }
        (costs(report))
        h2 { "In numbers" }
        details { summary { "every cell" } (numbers(report)) }
        (reproduce(report))
    };
    super::page("Readahead: the benchmark", include_str!("bench.css"), &body)
}

fn about(report: &Report<'_>) -> Markup {
    let boot = report.known.boots.last();
    html! {
        p { (report.rows.len()) " workloads under " (report.columns.len())
            " settings and policies, each run with a cold cache, every answer checked. Linux "
            (report.known.header.kernel)
            @if let Some(boot) = boot {
                " under " (boot.accelerator) " on " (boot.host_cpus) " processors, " (boot.date)
            } "." }
        p.soft { "Runs of a row take turns, and who comes first changes with each repeat. Figures "
            "are medians. A difference is noise if runs of the same column would show it by chance in "
            "one of twenty such rows. The floor is "
            "what nothing can beat: the larger of the time with all data cached and of the needed "
            "bytes over the device's bandwidth, plus one latency. Where the next place cannot be "
            "known (random reads), no policy comes near it." }
        @if let Some(control) = report.control { p.soft { (controlled(control)) "." } }
    }
}

fn flaws(report: &Report<'_>) -> Markup {
    html! {
        @if report.is_flawed() {
            div.flaws role="alert" {
                p { strong { "Flaws." } " These are in no mean." }
                ul { @for row in &report.rows {
                    @if let Some(why) = &row.no_floor { li { (row.row.row) ": " (why) } }
                    @for (column, cell) in report.columns.iter().zip(&row.cells) {
                        @if let Some(why) = &cell.flaw {
                            li { (row.row.row) " with " (column) ": " (why) }
                        }
                    }
                } }
            }
        }
    }
}

fn card(report: &Report<'_>, standing: &Standing) -> Markup {
    let against = |name: &str, tally: &Option<Tally>| {
        html! { @if let Some(tally) = tally {
            dt { "against " (name) } dd { (factor(tally.mean)) }
            dt { "faster / same / slower" }
            dd { (tally.faster) " / " (tally.same) " / " (tally.slower) }
            dt { "worst" } dd { (factor(tally.worst)) " " (tally.worst_row) }
        } }
    };
    let mean = standing.kernel.as_ref().map(|tally| tally.mean);
    html! {
        div.card.standing {
            h3 { (report.columns[standing.column]) }
            @if let Some(mean) = mean {
                div.big.good[mean > 1.0].poor[mean < 1.0] { (factor(mean)) }
                p.soft { "as fast as the kernel's default (geometric mean)" }
            }
            dl {
                (against("the kernel", &standing.kernel))
                (against("the best fixed", &standing.best))
                @if let Some(floor) = standing.floor { dt { "times the floor" } dd { (factor(floor)) } }
                @if standing.missing > 0 { dt { "rows without a figure" } dd { (standing.missing) } }
            }
        }
    }
}

fn chart(report: &Report<'_>, row: &Row) -> Markup {
    html! {
        div.card {
            h3 { (row.row.name) " " small { (row.row.place) } }
            p.soft { (row.row.describe)
                @if let Some(floor) = row.floor_ns { "; the floor is " (time(floor * row.ops)) } }
            (lanes(report, row))
        }
    }
}

fn costs(report: &Report<'_>) -> Markup {
    let costs = report.costs();
    let shown = |cost: Option<u64>| cost.map_or("-".into(), |cost| cost.to_string());
    html! {
        @if !costs.is_empty() {
            h2 { "What a decision costs" }
            p.soft { "Instructions, counted by the emulator." }
            table { thead { tr { th { "policy" } th { "miss" } th { "mark" } th { "fault" } } }
                tbody { @for (policy, costs) in &costs { tr {
                    th scope="row" { (policy) }
                    @for cost in costs { td { (shown(*cost)) } }
                } } }
            }
        }
    }
}

fn numbers(report: &Report<'_>) -> Markup {
    html! {
        div.scroll { table.numbers {
            thead { tr { th scope="col" { "row" }
                @for column in &report.columns { th scope="col" { (column) } } } }
            tbody { @for row in &report.rows { tr {
                th scope="row" { (row.row.row) }
                @for (at, cell) in row.cells.iter().enumerate() {
                    td.bad[cell.flaw.is_some()] {
                        @match (&cell.flaw, cell.ns) {
                            (Some(_), _) => { "flaw" }
                            (None, None) => { "-" }
                            (None, Some(ns)) => {
                                (time(ns.median * row.ops))
                                small { (megabytes(cell.device_bytes)) " in " (cell.device_reads) }
                                @if let Some(ratio) = cell.kernel {
                                    small { (factor(ratio.range.0)) " to "
                                        (factor(ratio.range.1)) }
                                }
                                @if report.contenders()[at].is_policy() {
                                    small { (cell.decisions) " decisions" }
                                }
                                @for (name, times) in &cell.parts {
                                    small { (name) " " (factor(*times)) }
                                }
                                @if ns.runs == 1 { small { "one run" } }
                            }
                        }
                    }
                }
            } } }
        } }
        p.soft { "Median time; what the device read, in how many requests; smallest and largest "
            "quotient against the kernel in the same repeat." }
    }
}

fn reproduce(report: &Report<'_>) -> Markup {
    let mut commands: Vec<_> = report.known.boots.iter().map(|boot| &boot.command).collect();
    commands.dedup();
    html! {
        h2 { "Again" }
        @for command in commands { pre { (command) } }
        p.soft { "Every single run is in store.jsonl and results.json beside this page." }
        details {
            summary { "what the rows run" }
            table { tbody { @for row in &report.known.rows { tr {
                th scope="row" { (row.row.row) }
                td style="white-space:normal;text-align:left" { (row.row.definition) }
            } } } }
        }
        details {
            summary { "the policies' object files" }
            table { tbody { @for column in report.contenders() {
                @if let Contender::Policy(policy) = column {
                    tr { th scope="row" { (policy.label) } td { (policy.digest) } }
                }
            } } }
        }
    }
}
