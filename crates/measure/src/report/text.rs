// SPDX-License-Identifier: GPL-2.0-only
//! Numbers for people.

/// A time with three digits that matter.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns >= 1e9 => format!("{:.2} s", ns / 1e9),
        ns if ns >= 1e8 => format!("{:.0} ms", ns / 1e6),
        ns if ns >= 1e6 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.0} us", ns / 1e3),
    }
}

/// Bytes in MB (10^6).
pub fn megabytes(bytes: f64) -> String {
    match bytes / 1e6 {
        mb if mb >= 100.0 => format!("{mb:.0} MB"),
        mb if mb >= 1.0 => format!("{mb:.1} MB"),
        mb => format!("{mb:.2} MB"),
    }
}

/// A factor.
pub fn factor(x: f64) -> String {
    match x {
        x if x >= 10.0 => format!("{x:.1}x"),
        x if x >= 0.1 => format!("{x:.2}x"),
        // A policy that is fifty times slower is not infinitely slow.
        x => format!("{x:.3}x"),
    }
}

/// How far a factor is off, to the digits that [`factor`] shows of `x`.
pub fn off_by(off: f64, x: f64) -> String {
    if x >= 10.0 { format!("±{off:.1}") } else { format!("±{off:.2}") }
}

/// Characters that fit beside the bars of a chart.
const LABEL_CHARS: usize = 15;

/// A label that fits beside the bars of a chart, cut if need be.
pub fn short(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARS {
        return label.to_owned();
    }
    label.chars().take(LABEL_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_about_three_digits() {
        assert_eq!(time(1.234e9), "1.23 s");
        assert_eq!(time(412e6), "412 ms");
        assert_eq!(time(41.2e6), "41.2 ms");
        assert_eq!(time(5e5), "500 us");
        assert_eq!(megabytes(330_000.0), "0.33 MB");
        assert_eq!(megabytes(19.84e6), "19.8 MB");
        assert_eq!((factor(2.291), factor(0.0183)), ("2.29x".into(), "0.018x".into()));
        assert_eq!(factor(13.93), "13.9x");
        assert_eq!((off_by(0.051, 2.29), off_by(0.51, 13.9)), ("±0.05".into(), "±0.5".into()));
    }
}
