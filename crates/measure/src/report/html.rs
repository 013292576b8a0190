// SPDX-License-Identifier: GPL-2.0-only
//! The page: one file, nothing fetched from elsewhere.

use crate::report::chart::{Bar, REFERENCE, bars};
use crate::report::findings::{findings, flaws};
use crate::report::text::{factor, megabytes, time};
use crate::report::{Cell, Comparison, Ratio};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// How the pages look, in light and dark.
pub const STYLE: &str = include_str!("style.css");

/// Saves the raw measurements. The button is of no use without it, and is
/// hidden until it runs.
const SAVE: &str = include_str!("save.js");

/// The page of a comparison.
pub fn html(comparison: &Comparison) -> String {
    let about = &comparison.about;
    let title = format!("Readahead on {} with {}", about.device.profile, about.device.fs);
    let json = comparison.to_json().unwrap_or_default();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (summary(comparison))
                (flaws(comparison))
                h2 { "In short" }
                (findings(comparison))
                h2 { "Time" }
                (legend())
                div.cards { @for row in 0..comparison.rows.len() { (times(comparison, row)) } }
                h2 { "Read from the device" }
                div.cards { @for row in 0..comparison.rows.len() { (device(comparison, row)) } }
                h2 { "In numbers" }
                (table(comparison))
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
            }
        }
    }
    .into_string()
}

fn summary(comparison: &Comparison) -> Markup {
    let about = &comparison.about;
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

fn class(cell: &Cell) -> &'static str {
    if cell.wrong_data { "wrong" } else { ratio_class(cell.ratio) }
}

fn ratio_class(ratio: Option<Ratio>) -> &'static str {
    match ratio {
        None => REFERENCE,
        Some(ratio) if ratio.is_within_noise() => "noise",
        Some(ratio) if ratio.median > 1.0 => "faster",
        Some(_) => "slower",
    }
}

/// A card with a bar for each column that was measured.
fn card(comparison: &Comparison, row: usize, what: &str, bar: fn(&Cell) -> Bar) -> Markup {
    let workload = comparison.rows[row].spec.workload;
    let shown: Vec<_> = comparison
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| {
            let cell = comparison.cell(row, at)?;
            Some(Bar { label: column.label(), ..bar(&cell) })
        })
        .collect();
    html! {
        div.card {
            h3 { (workload.name()) }
            p.soft { (workload.describe()) }
            (bars(&format!("{what} of {workload}"), &shown))
        }
    }
}

fn times(comparison: &Comparison, row: usize) -> Markup {
    card(comparison, row, "time", |cell| Bar {
        label: String::new(),
        value: cell.median_ns,
        range: Some(cell.range_ns),
        text: match cell.ratio {
            _ if cell.wrong_data => "wrong data".into(),
            None => time(cell.median_ns),
            Some(ratio) => format!("{}  {}", time(cell.median_ns), factor(ratio.median)),
        },
        class: class(cell),
    })
}

fn device(comparison: &Comparison, row: usize) -> Markup {
    card(comparison, row, "device bytes", |cell| Bar {
        label: String::new(),
        value: cell.device_bytes,
        range: None,
        text: format!("{}  {}", megabytes(cell.device_bytes), factor(cell.amplification)),
        class: match cell.ratio {
            _ if cell.wrong_data => "wrong",
            None => REFERENCE,
            Some(_) => "bytes",
        },
    })
}

fn table(comparison: &Comparison) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "workload" }
                @for column in &comparison.columns { th scope="col" { (column.label()) } }
            } }
            tbody { @for (at, row) in comparison.rows.iter().enumerate() { tr {
                th scope="row" { (row.spec.workload.name()) }
                @for column in 0..comparison.columns.len() { (number(comparison, at, column)) }
            } } }
        } }
    }
}

fn number(comparison: &Comparison, row: usize, column: usize) -> Markup {
    let failure = comparison.rows[row].failures.iter().find(|f| f.column == column);
    let Some(cell) = comparison.cell(row, column) else {
        return html! { td.bad { "failed" @if let Some(f) = failure { small { (f.why) } } } };
    };
    html! {
        td.bad[cell.wrong_data] {
            @if cell.wrong_data { "wrong data " }
            (time(cell.median_ns))
            @if let Some(ratio) = cell.ratio {
                " " span class=(ratio_class(cell.ratio)) { (factor(ratio.median)) }
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
            @if let Some(f) = failure { small { "repeat " (f.repeat + 1) ": " (f.why) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::stats::tests::example;

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
        assert_eq!(Comparison::from_json(json).unwrap(), example());
    }
}
