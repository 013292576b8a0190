// SPDX-License-Identifier: GPL-2.0-only
//! The page: one file, nothing fetched from elsewhere.

use crate::bench::heat::heat;
use crate::bench::lanes::lanes;
use crate::bench::summary::{Standing, Summary, Tally};
use crate::bench::table::controlled;
use crate::bench::{Results, RowSummary};
use crate::report::text::{factor, megabytes, time};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("html.css");

/// The page of a bench.
pub fn html(results: &Results, summary: &Summary) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Readahead: the benchmark" }
                style { (PreEscaped(crate::report::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Readahead: the benchmark" }
                (about(results, summary))
                (flaws(summary))
                h2 { "Over all rows" }
                div.cards.standings {
                    @for standing in &summary.policies { (card(summary, standing)) }
                }
                h2 { "Everything at a glance" }
                p.soft { "How many times as fast as the kernel's default; grey is within noise. "
                    "The best fixed read_ahead_kb of each row, chosen with hindsight, has a frame." }
                (heat(results, summary))
                h2 { "Row by row" }
                p.soft { "Time as a multiple of the floor, on a logarithmic scale; shorter is "
                    "better, and no bar at all would be perfect. Circles are the other fixed "
                    "read_ahead_kb, whiskers go from the quickest to the slowest run. Behind "
                    "each bar: its time, and how many times as fast as the kernel." }
                div.cards.charts { @for row in &summary.rows { (chart(results, summary, row)) } }
                (costs(results))
                h2 { "In numbers" }
                details { summary { "every cell" } (numbers(results, summary)) }
                (reproduce(results))
            }
        }
    }
    .into_string()
}

fn about(results: &Results, summary: &Summary) -> Markup {
    let boot = results.boots.last();
    html! {
        p { (summary.rows.len()) " workloads under " (summary.columns.len())
            " settings and policies, each run with a cold cache, every answer checked. Linux "
            (results.header.kernel)
            @if let Some(boot) = boot {
                " under " (boot.accelerator) " on " (boot.host_cpus) " processors, " (boot.date)
            } "." }
        p.soft { "Runs of a row take turns, and who comes first changes with each repeat. Figures "
            "are medians. A difference is noise if runs of the same column would show it by chance in "
            "one of twenty such rows. The floor is "
            "what nothing can beat: the larger of the time with all data cached and of the needed "
            "bytes over the device's bandwidth, plus one latency. Where the next place cannot be "
            "known (random reads), no policy comes near it." }
        @if let Some(control) = summary.control { p.soft { (controlled(control)) "." } }
    }
}

fn flaws(summary: &Summary) -> Markup {
    html! {
        @if summary.is_flawed() {
            div.flaws role="alert" {
                p { strong { "Flaws." } " These are in no mean." }
                ul { @for row in &summary.rows {
                    @if let Some(why) = &row.no_floor { li { (row.row.row) ": " (why) } }
                    @for (column, cell) in summary.columns.iter().zip(&row.cells) {
                        @if let Some(why) = &cell.flaw {
                            li { (row.row.row) " with " (column) ": " (why) }
                        }
                    }
                } }
            }
        }
    }
}

fn card(summary: &Summary, standing: &Standing) -> Markup {
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
            h3 { (summary.columns[standing.column]) }
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

fn chart(results: &Results, summary: &Summary, row: &RowSummary) -> Markup {
    html! {
        div.card {
            h3 { (row.row.name) " " small { (row.row.place) } }
            p.soft { (row.row.describe)
                @if let Some(floor) = row.floor_ns { "; the floor is " (time(floor * row.ops)) } }
            (lanes(&results.header.columns, summary, row))
        }
    }
}

fn costs(results: &Results) -> Markup {
    let mut policies: Vec<_> = results.costs.iter().map(|cost| &cost.policy).collect();
    policies.dedup();
    let cost = |policy: &String, event: &str| {
        let mut costs = results.costs.iter();
        let found = costs.find(|cost| cost.policy == *policy && cost.event == event);
        found.map_or("-".into(), |cost| (cost.instructions / cost.decisions.max(1)).to_string())
    };
    html! {
        @if !policies.is_empty() {
            h2 { "What a decision costs" }
            p.soft { "Instructions, counted by the emulator." }
            table { thead { tr { th { "policy" } th { "miss" } th { "mark" } th { "fault" } } }
                tbody { @for policy in policies { tr {
                    th scope="row" { (policy) }
                    @for event in ["miss", "mark", "fault"] { td { (cost(policy, event)) } }
                } } }
            }
        }
    }
}

fn numbers(results: &Results, summary: &Summary) -> Markup {
    html! {
        div.scroll { table.numbers {
            thead { tr { th scope="col" { "row" }
                @for column in &summary.columns { th scope="col" { (column) } } } }
            tbody { @for row in &summary.rows { tr {
                th scope="row" { (row.row.row) }
                @for (at, cell) in row.cells.iter().enumerate() {
                    td.bad[cell.flaw.is_some()] {
                        @match (&cell.flaw, cell.ns) {
                            (Some(_), _) => { "flaw" }
                            (None, None) => { "-" }
                            (None, Some(ns)) => {
                                (time(ns.median * row.ops))
                                small { (megabytes(cell.device_bytes)) " in " (cell.device_reads) }
                                @if let Some(quotient) = cell.kernel {
                                    small { (factor(quotient.range.0)) " to "
                                        (factor(quotient.range.1)) }
                                }
                                @if results.header.columns[at].is_policy() {
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

fn reproduce(results: &Results) -> Markup {
    let mut commands: Vec<_> = results.boots.iter().map(|boot| &boot.command).collect();
    commands.dedup();
    html! {
        h2 { "Again" }
        @for command in commands { pre { (command) } }
        p.soft { "Every single run is in store.jsonl and results.json beside this page." }
        details {
            summary { "what the rows run" }
            table { tbody { @for row in &results.rows { tr {
                th scope="row" { (row.row.row) }
                td style="white-space:normal;text-align:left" { (row.row.definition) }
            } } } }
        }
        details {
            summary { "the policies' object files" }
            table { tbody { @for column in &results.header.columns {
                @if let crate::bench::Column::Policy(policy) = column {
                    tr { th scope="row" { (policy.label) } td { (policy.digest) } }
                }
            } } }
        }
    }
}
