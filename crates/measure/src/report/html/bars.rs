// SPDX-License-Identifier: GPL-2.0-only
//! Bars, as inline SVG: one for each column of a row.

use super::REFERENCE;
use crate::report::text::short;
use maud::{Markup, html};

const LABEL: f64 = 130.0;
const BARS: f64 = 240.0;
const TEXT: f64 = 130.0;
const STEP: f64 = 26.0;

/// A bar that is longer than so many times the reference is cut: one very long
/// policy would leave nothing to be seen of the others.
const CUT: f64 = 4.0;

/// A bar.
pub(super) struct Bar {
    /// Its name.
    pub(super) label: String,
    /// Its length.
    pub(super) value: f64,
    /// Smallest and largest value, for whiskers.
    pub(super) range: Option<(f64, f64)>,
    /// The text at its end.
    pub(super) text: String,
    /// Class of its colour.
    pub(super) class: &'static str,
}

impl Bar {
    /// Where it or its whisker ends.
    fn end(&self) -> f64 {
        self.range.map_or(self.value, |(_, most)| most.max(self.value))
    }
}

/// Bars of one scale.
pub(super) fn bars(title: &str, bars: &[Bar]) -> Markup {
    let longest = bars.iter().map(Bar::end).fold(f64::MIN_POSITIVE, f64::max);
    let reference = bars.iter().find(|bar| bar.class == REFERENCE && bar.value > 0.0);
    let most = reference.map_or(longest, |bar| longest.min(CUT * bar.end()));
    let x = |value: f64| LABEL + value.min(most) / most * BARS;
    let (width, height) = (LABEL + BARS + TEXT, STEP * bars.len() as f64);
    let description: Vec<_> =
        bars.iter().map(|bar| format!("{} {}", bar.label, bar.text)).collect();
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(title) {
            title { (title) }
            desc { (description.join("; ")) }
            @for (n, bar) in bars.iter().enumerate() {
                @let y = STEP * n as f64;
                @let middle = y + STEP / 2.0;
                @let length = (x(bar.value) - LABEL).max(1.0);
                text.label x=(LABEL - 8.0) y=(middle + 4.5) {
                    title { (bar.label) }
                    (short(&bar.label))
                }
                rect class=(bar.class) x=(LABEL) y=(y + 4.0) width=(format!("{length:.1}"))
                    height=(STEP - 8.0) rx="2" {}
                @if bar.value > most {
                    path.cut d=(format!("M{:.1} {}l-8 {}", x(most) - 10.0, y + 2.0, STEP - 4.0)) {}
                } @else if let Some((least, most)) = bar.range {
                    path.whisker d=(format!(
                        "M{0:.1} {2}H{1:.1}M{0:.1} {3}V{4}M{1:.1} {3}V{4}",
                        x(least), x(most), middle, middle - 4.0, middle + 4.0
                    )) {}
                }
                text.value x=(format!("{:.1}", x(bar.end()) + 8.0)) y=(middle + 4.5) { (bar.text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(class: &'static str, value: f64) -> Bar {
        Bar { label: format!("<{class}>"), value, range: None, text: format!("{value} s"), class }
    }

    #[test]
    fn a_hopeless_bar_is_cut_and_says_so() {
        let svg = bars("time", &[bar(REFERENCE, 1.0), bar("faster", 0.5), bar("slower", 60.0)]);
        let svg = svg.into_string();
        for expected in ["width=\"60.0\"", "width=\"30.0\"", "width=\"240.0\"", "60 s"] {
            assert!(svg.contains(expected), "no {expected} in {svg}");
        }
        assert_eq!(svg.matches("class=\"cut\"").count(), 1);
        assert!(svg.contains("<desc>&lt;kernel&gt; 1 s; &lt;faster&gt; 0.5 s;"), "{svg}");
    }

    #[test]
    fn without_a_reference_nothing_is_cut() {
        let svg = bars("time", &[bar("faster", 1.0), bar("slower", 60.0)]).into_string();
        assert!(svg.contains("width=\"240.0\"") && !svg.contains("class=\"cut\""), "{svg}");
        let zero = bars("bytes", &[bar(REFERENCE, 0.0), bar("bytes", 0.0)]).into_string();
        assert!(!zero.contains("NaN") && !zero.contains("inf"), "{zero}");
    }

    #[test]
    fn a_long_label_is_shortened_by_characters() {
        assert_eq!(short("wide:größe_kb=8"), "wide:größe_kb=8");
        assert_eq!(short("wide:größe_kb=8192"), "wide:größe_kb=…");
    }
}
