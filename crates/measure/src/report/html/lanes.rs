// SPDX-License-Identifier: GPL-2.0-only
//! A row's chart, as inline SVG: how many times the floor each column takes, on a
//! logarithmic scale.

use super::class;
use crate::experiment::Contender;
use crate::report::text::{factor, short, time};
use crate::report::{Cell, Report, Row};
use maud::{Markup, html};

const LABEL: f64 = 118.0;
const BARS: f64 = 300.0;
const TEXT: f64 = 150.0;
const STEP: f64 = 24.0;
const AXIS: f64 = 20.0;

/// A bar with what belongs to it.
struct Lane<'a> {
    label: String,
    class: &'static str,
    cell: &'a Cell,
    /// Other fixed lengths.
    dots: Vec<(String, f64)>,
}

/// The chart of a row.
pub(super) fn lanes(report: &Report<'_>, row: &Row) -> Markup {
    let Some(floor) = row.floor_ns else { return html! { p.soft { "there is no floor" } } };
    let lanes = lanes_of(report, row);
    let ends = lanes.iter().flat_map(|lane| {
        let own = lane.cell.ns.map(|ns| ns.range.1 / floor);
        own.into_iter().chain(lane.dots.iter().map(|(_, times)| *times))
    });
    let most = ends.fold(2.0, f64::max) * 1.05;
    // A run below the floor, by chance, is at it.
    let x = |times: f64| LABEL + times.max(1.0).ln() / most.ln() * BARS;
    let (width, height) = (LABEL + BARS + TEXT, STEP * lanes.len() as f64 + AXIS);
    let bottom = height - AXIS;
    let description = lanes.iter().map(|lane| format!("{} {}", lane.label, text(row, lane.cell)));
    let description = description.collect::<Vec<_>>().join("; ");
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(row.row.row) {
            title { "times the floor of " (row.row.row) }
            desc { (description) }
            @for tick in ticks(most) {
                path.axis d=(format!("M{:.1} 0V{bottom}", x(tick))) {}
                text.tick x=(format!("{:.1}", x(tick))) y=(height - 5.0) {
                    @if tick == 1.0 { "floor" } @else { (tick) "x" }
                }
            }
            @for (at, lane) in lanes.iter().enumerate() {
                @let (y, middle) = (STEP * at as f64, STEP * (at as f64 + 0.5));
                text.label x=(LABEL - 8.0) y=(middle + 4.5) {
                    title { (lane.label) } (short(&lane.label))
                }
                @if let Some(ns) = lane.cell.ns.filter(|_| lane.cell.flaw.is_none()) {
                    @let end = x(ns.median / floor);
                    rect class=(lane.class) x=(LABEL) y=(y + 5.0) rx="2" height=(STEP - 10.0)
                        width=(format!("{:.1}", (end - LABEL).max(1.5))) {}
                    path.whisker d=(format!(
                        "M{0:.1} {2}H{1:.1}M{0:.1} {3}V{4}M{1:.1} {3}V{4}",
                        x(ns.range.0 / floor), x(ns.range.1 / floor), middle, middle - 3.0,
                        middle + 3.0
                    )) {}
                }
                @for (label, times) in &lane.dots {
                    circle.dot cx=(format!("{:.1}", x(*times))) cy=(middle) r="4" {
                        title { (label) ": " (factor(*times)) " the floor" }
                    }
                }
                text.value x=(LABEL + BARS + 8.0) y=(middle + 4.5) { (text(row, lane.cell)) }
            }
        }
    }
}

fn lanes_of<'a>(report: &Report<'_>, row: &'a Row) -> Vec<Lane<'a>> {
    let columns = report.contenders();
    let mut lanes = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let cell = &row.cells[at];
        let label = report.columns[at].clone();
        match column {
            Contender::Kernel => lanes.push(Lane { label, class: "kernel", cell, dots: vec![] }),
            Contender::Fixed(_) if row.best == Some(at) => {
                let others =
                    (0..columns.len()).filter(|other| columns[*other].is_fixed() && *other != at);
                let dot =
                    |other: usize| Some((report.columns[other].clone(), row.cells[other].floor?));
                let dots = others.filter_map(dot).collect();
                lanes.push(Lane { label: format!("fixed {label}"), class: "fixed", cell, dots });
            }
            Contender::Fixed(_) => {}
            Contender::Policy(_) => lanes.push(Lane {
                label,
                class: if cell.kernel.is_none() { "wrong" } else { class(cell.kernel) },
                cell,
                dots: vec![],
            }),
        }
    }
    lanes
}

fn text(row: &Row, cell: &Cell) -> String {
    match (&cell.flaw, cell.ns) {
        (Some(_), _) => "flaw".into(),
        (None, None) => "not measured".into(),
        (None, Some(ns)) => {
            let ratio = cell.kernel.map(|ratio| {
                format!("  {}{}", factor(ratio.median), if ratio.noise { " ~" } else { "" })
            });
            time(ns.median * row.ops) + &ratio.unwrap_or_default()
        }
    }
}

/// 1, 2, 5, 10, 20…, thinned out where they are many.
fn ticks(most: f64) -> Vec<f64> {
    let decades = (0..7).map(|power| 10_f64.powi(power));
    let all: Vec<_> = decades.clone().flat_map(|ten| [ten, 2.0 * ten, 5.0 * ten]).collect();
    let few = |ticks: Vec<f64>| ticks.into_iter().filter(|tick| *tick <= most).collect::<Vec<_>>();
    let all = few(all);
    if all.len() > 8 { few(decades.collect()) } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_begin_at_the_floor() {
        assert_eq!(ticks(12.0), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(ticks(3000.0), [1.0, 10.0, 100.0, 1000.0]);
    }
}
