// SPDX-License-Identifier: GPL-2.0-only
//! The page of a comparison.

use super::bars::{Bar, bars};
use super::findings::{findings, flaws};
use super::{REFERENCE, class};
use crate::report::text::{factor, megabytes, time};
use crate::report::{Cell, Comparison, Json, Render as _, Report, Row, View};
use maud::{Markup, PreEscaped, html};

/// Saves the raw measurements. The button is of no use without it, and is
/// hidden until it runs.
const SAVE: &str = include_str!("save.js");

pub(super) fn page(report: &Report<'_>) -> Markup {
    let about = Comparison::of(report).about;
    let title = format!("Readahead on {} with {}", about.device.profile, about.device.fs);
    let json = Json(View::Comparison).render(report);
    let body = html! {
        (summary(report))
        (flaws(report))
        h2 { "In short" }
        (findings(report))
        h2 { "Time" }
        (legend())
        div.cards { @for row in &report.rows { (times(report, row)) } }
        h2 { "Read from the device" }
        div.cards { @for row in &report.rows { (device(report, row)) } }
        h2 { "In numbers" }
        (table(report))
        h2 { "Again" }
        pre { (about.command) }
        p.soft { "Every single measurement: "
            button #save type="button" hidden { "save as compare.json" } }
        details {
            summary { "raw JSON" }
            pre { (json) }
        }
        // A closing tag inside of a string would end the element.
        script type="application/json" id="raw" {
            (PreEscaped(json.replace('<', "\\u003c")))
        }
        script { (PreEscaped(SAVE)) }
    };
    super::page(&title, "", &body)
}

fn summary(report: &Report<'_>) -> Markup {
    let about = Comparison::of(report).about;
    let device = about.device.profile;
    html! {
        p {
            "A device with a latency of " (time(device.latency_ns() as f64)) " and a bandwidth of "
            (device.mbps()) " MB/s, " (about.device.data_bytes >> 20) " MiB of data on "
            (about.device.fs.name()) "; cold cache, every byte verified. Linux " (about.kernel)
            " under " (about.accelerator) " on " (about.host_cpus) " processors, "
            (about.repeats) " interleaved repeats, " (about.date) "."
        }
        p.soft {
            "Bars are medians, whiskers go from the quickest to the slowest run. A ratio is the "
            "time of the kernel's own readahead over the policy's, in the same repeat: more than "
            "1 is faster. A bar with a gap at its end goes on beyond the chart."
        }
    }
}

fn legend() -> Markup {
    html! {
        p.legend.soft {
            span.b-kernel {} "kernel" span.b-faster {} "faster" span.b-slower {} "slower"
            span.b-noise {} "within noise" span.b-wrong {} "wrong data"
        }
    }
}

/// The time of a cell, nanoseconds.
fn ns(row: &Row, cell: &Cell) -> f64 {
    cell.ns.map_or(0.0, |ns| ns.median * row.ops)
}

/// A card with a bar for each column that was measured.
fn card(report: &Report<'_>, row: &Row, what: &str, bar: fn(&Row, &Cell) -> Bar) -> Markup {
    let cells = row.cells.iter().zip(&report.columns).filter(|(cell, _)| cell.ns.is_some());
    let shown: Vec<_> =
        cells.map(|(cell, label)| Bar { label: label.clone(), ..bar(row, cell) }).collect();
    html! {
        div.card {
            h3 { (row.row.name) }
            p.soft { (row.row.describe) }
            (bars(&format!("{what} of {}", row.row.name), &shown))
        }
    }
}

fn times(report: &Report<'_>, row: &Row) -> Markup {
    card(report, row, "time", |row, cell| Bar {
        label: String::new(),
        value: ns(row, cell),
        range: cell.ns.map(|ns| (ns.range.0 * row.ops, ns.range.1 * row.ops)),
        text: match cell.ratio {
            _ if cell.wrong => "wrong data".into(),
            None => time(ns(row, cell)),
            Some(ratio) => format!("{}  {}", time(ns(row, cell)), factor(ratio.median)),
        },
        class: if cell.wrong { "wrong" } else { class(cell.ratio) },
    })
}

fn device(report: &Report<'_>, row: &Row) -> Markup {
    card(report, row, "device bytes", |_, cell| Bar {
        label: String::new(),
        value: cell.device_bytes,
        range: None,
        text: format!(
            "{}  {}",
            megabytes(cell.device_bytes),
            cell.amplification.map_or_else(String::new, factor)
        ),
        class: match cell.ratio {
            _ if cell.wrong => "wrong",
            None => REFERENCE,
            Some(_) => "bytes",
        },
    })
}

fn table(report: &Report<'_>) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "workload" }
                @for label in &report.columns { th scope="col" { (label) } }
            } }
            tbody { @for row in &report.rows { tr {
                th scope="row" { (row.row.name) }
                @for cell in &row.cells { (number(row, cell)) }
            } } }
        } }
    }
}

fn number(row: &Row, cell: &Cell) -> Markup {
    let failure = cell.failures.first();
    if cell.ns.is_none() {
        return html! { td.bad { "failed" @if let Some((_, why)) = failure { small { (why) } } } };
    }
    html! {
        td.bad[cell.wrong] {
            @if cell.wrong { "wrong data " }
            (time(ns(row, cell)))
            @if let Some(ratio) = cell.ratio {
                " " span class=(class(cell.ratio)) { (factor(ratio.median)) }
                @if ratio.pairs == 1 {
                    small { "one repeat" }
                } @else {
                    small { (factor(ratio.range.0)) " to " (factor(ratio.range.1)) }
                    small { "half of them " (factor(ratio.quartiles.0)) " to "
                        (factor(ratio.quartiles.1)) }
                }
            }
            small { (megabytes(cell.device_bytes)) " in " (cell.device_reads) " reads" }
            @if cell.ratio.is_some() { small { (cell.decisions) " decisions" } }
            @if let Some((repeat, why)) = failure { small { "repeat " (repeat + 1) ": " (why) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::tests::{example, report};

    fn html(comparison: &Comparison) -> String {
        page(&report(&comparison.known())).into_string()
    }

    #[test]
    fn the_page_stands_alone() {
        let page = html(&example());
        for foreign in ["http:", "https:", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(foreign), "the page refers to something by {foreign}");
        }
        assert_eq!(page.matches("<svg").count(), 4);
        assert_eq!(page.matches("<desc>").count(), 4);
    }

    #[test]
    fn wrong_data_does_not_look_like_a_gain() {
        let mut example = example();
        let page = html(&example);
        assert!(page.contains("Wrong data.") && page.contains("class=\"wrong\""));
        example.rows.truncate(1);
        let page = html(&example);
        assert!(!page.contains("Wrong data.") && !page.contains("class=\"wrong\""));
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let page = html(&example());
        assert!(!page.contains("<noop>") && !page.contains("<died>"), "not escaped");
        assert!(page.contains("&lt;noop&gt;") && page.contains("the reader &lt;died&gt;"));
    }

    #[test]
    fn the_raw_measurements_can_be_read_back() {
        let page = html(&example());
        let start = page.find("id=\"raw\">").unwrap() + "id=\"raw\">".len();
        let json = &page[start..start + page[start..].find("</script>").unwrap()];
        assert_eq!(serde_json::from_str::<Comparison>(json).unwrap(), example());
    }
}
