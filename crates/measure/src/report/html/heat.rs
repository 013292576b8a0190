// SPDX-License-Identifier: GPL-2.0-only
//! The heat map: every row and column, as fast or slow as the kernel.

use crate::report::text::factor;
use crate::report::{Cell, Report, Row};
use maud::{Markup, html};

/// Where a colour is at its fullest: so many doublings.
const FULL: f64 = 4.0;

/// The map.
pub(super) fn heat(report: &Report<'_>) -> Markup {
    let columns = report.contenders();
    let fixed = || (0..columns.len()).filter(|at| columns[*at].is_fixed());
    let policies = || (0..columns.len()).filter(|at| columns[*at].is_policy());
    let mut places: Vec<_> = report.rows.iter().map(|row| row.row.place).collect();
    places.dedup();
    let wide = columns.len() + 1;
    html! {
        div.scroll { table.heat {
            thead { tr {
                th scope="col" { "row" }
                @for at in fixed() { th scope="col" { (report.columns[at]) } }
                th.gap {}
                @for at in policies() { th scope="col" { (report.columns[at]) } }
            } }
            @for place in places {
                tbody {
                    tr.group { th colspan=(wide) { (place.device) " with " (place.fs) } }
                    @for row in report.rows.iter().filter(|row| row.row.place == place) { tr {
                        th scope="row" title=(row.row.describe) { (row.row.name) }
                        @for at in fixed() { (cell(row, at)) }
                        td.gap {}
                        @for at in policies() { (cell(row, at)) }
                    } }
                }
            }
        } }
    }
}

fn cell(row: &Row, at: usize) -> Markup {
    let cell = &row.cells[at];
    let Some(ratio) = cell.kernel.filter(|_| cell.flaw.is_none()) else {
        let (class, text) = if cell.flaw.is_some() { ("flaw", "flaw") } else { ("even", "-") };
        return html! { td class=(class) title=[cell.flaw.as_deref()] { (text) } };
    };
    let class = match (ratio.noise, ratio.median > 1.0) {
        (true, _) => "even",
        (false, true) => "up",
        (false, false) => "down",
    };
    let best = if row.best == Some(at) { " best" } else { "" };
    html! {
        td class=(format!("{class}{best}")) style=(format!("--a:{:.0}%", strength(ratio.median)))
            title=[against_best(cell)] { (factor(ratio.median)) }
    }
}

fn against_best(cell: &Cell) -> Option<String> {
    let floor = cell.floor.map_or(String::new(), |times| format!(", {} the floor", factor(times)));
    let best = cell.best?;
    Some(format!("{} as fast as the best fixed{floor}", factor(best.median)))
}

/// How full the colour is, percent.
fn strength(times: f64) -> f64 {
    12.0 + 68.0 * (times.log2().abs() / FULL).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faster_and_slower_are_of_one_strength() {
        assert_eq!(strength(4.0), strength(0.25));
        assert!(strength(2.0) < strength(8.0));
        assert_eq!(strength(1000.0), 80.0);
    }
}
