// SPDX-License-Identifier: GPL-2.0-only
//! Bars, as inline SVG: one for each column of a row.

use maud::{Markup, html};

const LABEL: f64 = 130.0;
const BARS: f64 = 240.0;
const TEXT: f64 = 130.0;
const STEP: f64 = 26.0;

/// A bar.
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// Smallest and largest value, for whiskers.
    pub range: Option<(f64, f64)>,
    /// What is written at its end.
    pub text: String,
    /// Class of its colour.
    pub class: &'static str,
}

/// Bars of one scale.
pub fn bars(title: &str, bars: &[Bar]) -> Markup {
    let most = bars
        .iter()
        .map(|bar| bar.range.map_or(bar.value, |(_, most)| most.max(bar.value)))
        .fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LABEL + value / most * BARS;
    let (width, height) = (LABEL + BARS + TEXT, STEP * bars.len() as f64);
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(title) {
            title { (title) }
            @for (n, bar) in bars.iter().enumerate() {
                @let y = STEP * n as f64;
                @let middle = y + STEP / 2.0;
                text.label x=(LABEL - 8.0) y=(middle + 4.5) { (bar.label) }
                rect class=(bar.class) x=(LABEL) y=(y + 4.0) width=(format!("{:.1}", (x(bar.value) - LABEL).max(1.0)))
                    height=(STEP - 8.0) rx="2" {}
                @if let Some((least, most)) = bar.range {
                    path.whisker d=(format!(
                        "M{0:.1} {2}H{1:.1}M{0:.1} {3}V{4}M{1:.1} {3}V{4}",
                        x(least), x(most), middle, middle - 4.0, middle + 4.0
                    )) {}
                }
                @let end = bar.range.map_or(bar.value, |(_, most)| most.max(bar.value));
                text.value x=(format!("{:.1}", x(end) + 8.0)) y=(middle + 4.5) { (bar.text) }
            }
        }
    }
}
