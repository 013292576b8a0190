// SPDX-License-Identifier: GPL-2.0-only
//! A picture for a page that shows pictures only: ten rows that people know, as bars of
//! speed against the kernel's default.

use crate::report::text::factor;
use crate::report::{Cell, Render, Report, Row};
use maud::{Markup, PreEscaped, html};

const STYLE: &str = include_str!("svg.css");

/// The rows, and what a reader calls them.
const ROWS: [(&str, &str); 10] = [
    ("seq-read", "read() in sequence"),
    ("mmap-seq", "scan of a mapping"),
    ("backward", "read() backwards"),
    ("stride", "read() at a stride"),
    ("rocksdb-readseq", "RocksDB readseq"),
    ("rocksdb-readreverse", "RocksDB readreverse"),
    ("rocksdb-mixgraph", "RocksDB mixgraph"),
    ("postgres-scan", "PostgreSQL scan"),
    ("sqlite-scan", "SQLite scan"),
    ("tar-beside-reads", "tar beside readers"),
];
/// The policy, where there are several.
const POLICY: &str = "auto";

const LABEL: f64 = 160.0;
const BARS: f64 = 520.0;
const TEXT: f64 = 140.0;
const TOP: f64 = 82.0;
const STEP: f64 = 44.0;
const BAR: f64 = 10.0;
const BOTTOM: f64 = 34.0;

/// Renders the picture.
#[derive(Debug, Clone, Copy)]
pub struct Svg;

/// A row of the picture.
struct Shown<'a> {
    label: &'static str,
    fixed: Option<(&'a str, &'a Cell)>,
    policy: &'a Cell,
    /// As fast as it can be.
    floor: Option<f64>,
}

impl Render for Svg {
    fn render(&self, report: &Report<'_>) -> String {
        let label = |at: usize| &report.columns[at];
        let policies = report.policies.iter().map(|standing| standing.column);
        let first = policies.clone().next();
        let Some(policy) = policies.clone().find(|at| label(*at) == POLICY).or(first) else {
            return picture(&[], "no policy").into_string();
        };
        let shown = |&(name, label): &(&str, &'static str)| {
            let row = report.rows.iter().find(|row| row.row.name == name)?;
            Some(shown(report, row, label, policy))
        };
        let rows: Vec<_> = ROWS.iter().filter_map(shown).collect();
        picture(&rows, label(policy)).into_string()
    }
}

fn shown<'a>(
    report: &'a Report<'_>,
    row: &'a Row,
    label: &'static str,
    policy: usize,
) -> Shown<'a> {
    Shown {
        label,
        fixed: row.best.map(|at| (&report.columns[at][..], &row.cells[at])),
        policy: &row.cells[policy],
        floor: row.cells[0].floor,
    }
}

/// How many times as fast as the kernel.
fn speed(cell: &Cell) -> Option<f64> {
    Some(cell.kernel?.median)
}

fn said(cell: &Cell) -> String {
    match cell.kernel {
        _ if cell.flaw.is_some() => "flaw".into(),
        Some(ratio) => format!("{}{}", factor(ratio.median), if ratio.noise { " ~" } else { "" }),
        None => "not measured".into(),
    }
}

fn picture(rows: &[Shown<'_>], policy: &str) -> Markup {
    let speeds = || {
        rows.iter().flat_map(|row| {
            let fixed = row.fixed.and_then(|(_, cell)| speed(cell));
            [fixed, speed(row.policy), row.floor].into_iter().flatten()
        })
    };
    // Whole powers of two on both sides of the kernel.
    let least = speeds().fold(1.0, f64::min).log2().floor().min(-1.0);
    let most = speeds().fold(1.0, f64::max).log2().ceil().max(1.0);
    let x = |times: f64| LABEL + (times.log2() - least) / (most - least) * BARS;
    let ticks = (least as i32..=most as i32).map(|power| 2_f64.powi(power));
    let (width, height) = (LABEL + BARS + TEXT, TOP + STEP * rows.len() as f64 + BOTTOM);
    let end = height - BOTTOM;
    let description = rows.iter().map(|row| {
        let fixed =
            row.fixed.map_or("none".into(), |(label, cell)| format!("{} ({label})", said(cell)));
        let floor = row.floor.map_or("unknown".into(), factor);
        format!("{}: best fixed {fixed}, {policy} {}, floor {floor}", row.label, said(row.policy))
    });
    let description = description.collect::<Vec<_>>().join("; ");
    let title = "How many times as fast as the kernel's default readahead";
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}"))
            width=(width) height=(height) role="img" aria-labelledby="title desc" {
            title id="title" { (title) }
            desc id="desc" { (description) }
            style { (PreEscaped(STYLE)) }
            rect.paper width=(width) height=(height) rx="6" {}
            text.head x="16" y="28" { (title) }
            @for (at, (class, name)) in [
                ("kernel", "kernel (1x)".to_owned()),
                ("fixed", "best fixed read_ahead_kb, with hindsight".to_owned()),
                ("policy", policy.to_owned()),
            ].iter().enumerate() {
                @let left = [16.0, 126.0, 408.0][at];
                rect class=(class) x=(left) y="44" width="12" height="12" rx="2" {}
                text.soft x=(left + 18.0) y="54.5" { (name) }
            }
            path.floor d="M520 42V58" {}
            text.soft x="528" y="54.5" { "the floor: nothing can be faster" }
            @for tick in ticks {
                path.axis d=(format!("M{:.1} {:.0}V{end:.0}", x(tick), TOP - 10.0)) {}
                text.soft.tick x=(format!("{:.1}", x(tick))) y=(end + 18.0) { (tick) "x" }
            }
            @for (at, row) in rows.iter().enumerate() {
                @let y = TOP + STEP * at as f64;
                text.label x=(LABEL - 10.0) y=(y + 19.0) { (row.label) }
                (bar("kernel", y, Some(x(1.0))))
                @if let Some((label, cell)) = row.fixed {
                    @let right = speed(cell).map(x);
                    (bar("fixed", y + BAR + 1.0, right))
                    text.fixed x=(beside(right)) y=(y + BAR + 10.0) { (said(cell)) "  " (label) }
                }
                @let right = speed(row.policy).map(x);
                (bar("policy", y + 2.0 * BAR + 2.0, right))
                text.policy x=(beside(right)) y=(y + 2.0 * BAR + 11.0) { (said(row.policy)) }
                @if let Some(floor) = row.floor {
                    path.floor d=(format!("M{:.1} {:.0}V{:.0}", x(floor), y - 2.0, y + 34.0)) {}
                }
            }
        }
    }
}

fn bar(class: &str, y: f64, right: Option<f64>) -> Markup {
    html! { @if let Some(right) = right {
        rect class=(class) x=(LABEL) y=(y) width=(format!("{:.1}", (right - LABEL).max(1.0)))
            height=(BAR) rx="2" {}
    } }
}

fn beside(right: Option<f64>) -> String {
    format!("{:.1}", right.unwrap_or(LABEL) + 6.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of `#rrggbb`, as WCAG has it.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn colour<'a>(style: &'a str, name: &str) -> &'a str {
        let start = style.find(&format!("--{name}: ")).unwrap() + name.len() + 4;
        &style[start..start + 7]
    }

    #[test]
    fn everything_is_legible_in_light_and_dark() {
        let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for style in [light, dark] {
            let paper = luminance(colour(style, "paper"));
            for name in ["ink", "soft", "kernel", "fixed", "auto", "floor"] {
                let own = luminance(colour(style, name));
                let contrast = (own.max(paper) + 0.05) / (own.min(paper) + 0.05);
                assert!(contrast >= 4.5, "{name}: {contrast:.2}");
            }
        }
    }
}
