// SPDX-License-Identifier: GPL-2.0-only
//! How far apart runs of the same thing are, and hence what difference chance alone
//! makes.
//!
//! A few repeats of two columns agree on a difference by chance one time in four.
//! So the repeats of all columns of a row are asked how far runs scatter there, and a
//! difference that such runs would show by chance in one row of twenty is told as
//! none. The scatter is that of logarithms, since a machine that is busy with
//! something else slows by a factor. It is taken from the median of the columns'
//! variances: one run that stood still for half a minute makes no row uncertain.

use crate::stats::Spread;
use distrs::StudentsT;
use std::f64::consts::PI;

/// Chance is believed to make a difference that large no oftener than this.
const BY_CHANCE: f64 = 0.05;

/// How far apart runs of the same column of a row are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Standard deviation of the logarithm of a run's time.
    pub deviation: f64,
    /// Of so many independent differences between runs.
    pub freedom: f64,
}

impl Noise {
    /// Of the times of a row, column by column; `None` if none was repeated.
    pub fn of<C>(columns: impl Iterator<Item = C>) -> Option<Self>
    where
        C: Iterator<Item = f64>,
    {
        let variances: Vec<_> = columns.filter_map(|times| variance(times.map(f64::ln))).collect();
        let freedom: f64 = variances.iter().map(|(_, freedom)| freedom).sum();
        let median = Spread::of(variances.iter().map(|(variance, freedom)| {
            // The median of a chi-squared variable lies below its mean (Wilson and
            // Hilferty, 1931).
            variance / (1.0 - 2.0 / (9.0 * freedom)).powi(3)
        }))?;
        Some(Self { deviation: median.median.sqrt(), freedom })
    }

    /// The factor that chance alone does not reach: of the median of so many ratios,
    /// where the base was chosen among so many columns for being the quickest.
    pub fn band(&self, pairs: usize, among: usize) -> f64 {
        let tail = BY_CHANCE / (2.0 * among.max(1) as f64);
        let student = StudentsT::ppf(1.0 - tail, self.freedom);
        // Each ratio has the scatter of two runs; a median has that of the mean, times
        // the root of pi / 2.
        let scatter = self.deviation * (PI / pairs.max(1) as f64).sqrt();
        (student * scatter).exp()
    }
}

/// The variance of some values, and of how many differences; `None` of one alone.
fn variance(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let values: Vec<_> = values.collect();
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom > 0)? as f64;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / freedom, freedom))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &[&[f64]]) -> Option<Noise> {
        Noise::of(columns.iter().map(|times| times.iter().copied()))
    }

    /// Runs that are a factor of 1.05 apart from one to the next.
    const STEPS: &[f64] = &[100.0, 105.0, 110.25];

    #[test]
    fn the_scatter_is_that_of_most_columns() {
        let noise = of(&[STEPS; 5]).unwrap();
        let step = 1.05_f64.ln();
        assert!((noise.deviation / step - 1.19).abs() < 0.01, "{noise:?}");
        assert_eq!(noise.freedom, 10.0);
        // One that stood still once changes nothing.
        let still = of(&[STEPS, STEPS, &[100.0, 4000.0, 101.0], STEPS, STEPS]).unwrap();
        assert!((still.deviation - noise.deviation).abs() < 1e-12);
    }

    #[test]
    fn what_was_not_repeated_tells_nothing() {
        assert_eq!(of(&[&[5.0], &[7.0], &[]]), None);
    }

    #[test]
    fn more_repeats_tell_smaller_differences_and_a_choice_larger_ones() {
        let noise = of(&[STEPS; 12]).unwrap();
        let (three, twelve) = (noise.band(3, 1), noise.band(12, 1));
        // Student's t for 24 degrees of freedom is 2.064, two-sided, at 5 %.
        let right = (2.064 * noise.deviation * (PI / 3.0).sqrt()).exp();
        assert!((three / right - 1.0).abs() < 1e-3, "{three} for {right}");
        assert!((three.ln() / twelve.ln() - 2.0).abs() < 1e-9);
        assert!(noise.band(3, 7) > three);
        let quiet = of(&[&[5.0, 5.0, 5.0][..]; 4]).unwrap();
        assert_eq!(quiet.band(3, 7), 1.0);
    }
}
