// SPDX-License-Identifier: GPL-2.0-only
//! Statistics: medians and ranges, ratios of paired runs, and which of them chance
//! alone makes.

mod noise;

pub use noise::Noise;

use serde::Serialize;

/// How many times as fast as something else: its time over this one's, in the same
/// repeat.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// Median over the repeats.
    pub median: f64,
    /// Smallest and largest.
    pub range: (f64, f64),
    /// Whether no difference was shown: it is one that chance alone makes there, or, if
    /// that is not known, the repeats do not agree on one. Fewer than three of them have
    /// to be apart by more than a factor of two.
    pub noise: bool,
    /// The factor that chance alone does not reach here, if that is known.
    pub band: Option<f64>,
    /// First and third quartile.
    #[serde(skip)]
    pub quartiles: (f64, f64),
    /// From how many repeats.
    #[serde(skip)]
    pub pairs: usize,
}

/// With fewer repeats a ratio is on one side of 1 by chance too often.
const FEWEST_PAIRS: usize = 3;

/// The factor that chance does not reach, not even in a single repeat.
const BEYOND_CHANCE: f64 = 2.0;

impl Ratio {
    /// Of the ratios of each repeat; `None` if there are none.
    pub fn of(ratios: impl Iterator<Item = f64>) -> Option<Self> {
        Spread::of(ratios)
            .map(|spread| Self {
                median: spread.median,
                range: spread.range,
                quartiles: spread.quartiles,
                pairs: spread.count,
                band: None,
                noise: false,
            })
            .map(Self::judged)
    }

    /// The same, knowing how far runs scatter there, and that the base was chosen among
    /// so many for being the quickest.
    pub fn amid(self, noise: Option<Noise>, among: usize) -> Self {
        Self { band: noise.map(|noise| noise.band(self.pairs, among)), ..self }.judged()
    }

    fn judged(self) -> Self {
        Self { noise: self.is_within_noise(), ..self }
    }

    fn is_within_noise(&self) -> bool {
        if self.pairs < FEWEST_PAIRS {
            return (1.0 / BEYOND_CHANCE..=BEYOND_CHANCE).contains(&self.median);
        }
        match self.band {
            Some(band) => (1.0 / band..=band).contains(&self.median),
            None => self.range.0 <= 1.0 && self.range.1 >= 1.0,
        }
    }

    /// Half of the way from the smallest to the largest.
    pub fn half_range(&self) -> f64 {
        (self.range.1 - self.range.0) / 2.0
    }
}

/// The geometric mean; `None` of nothing.
pub fn geometric(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<_> = values.collect();
    match values[..] {
        [] => None,
        // Without the last digits that a logarithm costs.
        [value] => Some(value),
        _ => Some((values.iter().map(|x| x.ln()).sum::<f64>() / values.len() as f64).exp()),
    }
}

/// How some numbers are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The value in the middle.
    pub median: f64,
    /// Smallest and largest.
    pub range: (f64, f64),
    /// First and third quartile.
    pub quartiles: (f64, f64),
    /// Of how many values.
    pub count: usize,
}

impl Spread {
    /// Of these values; `None` if there are none.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        // Between two values in proportion, as most statistics programs do it.
        let at = |part: f64| {
            let place = (sorted.len() - 1) as f64 * part;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Some(Self {
            median: at(0.5),
            range: (least, most),
            quartiles: (at(0.25), at(0.75)),
            count: sorted.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chance_makes_is_noise_though_the_repeats_agree() {
        let ratio = Ratio::of([1.02, 1.03, 1.04].into_iter()).unwrap();
        assert!(!ratio.noise);
        let noise = |deviation| Some(Noise { deviation, freedom: 24.0 });
        assert!(!ratio.amid(noise(0.01), 1).noise);
        assert!(ratio.amid(noise(0.02), 1).noise);
        // Beside seven, the quickest is quick by luck.
        assert!(ratio.amid(noise(0.012), 7).noise);
        assert!(!ratio.amid(None, 7).noise);
        // One run in which something else came between makes no difference.
        let once = Ratio::of([2.8, 2.9, 0.98, 2.7, 2.8].into_iter()).unwrap();
        assert!(once.noise && !once.amid(noise(0.03), 1).noise);
    }

    #[test]
    fn too_few_repeats_show_nothing() {
        let of = |ratios: &[f64]| Ratio::of(ratios.iter().copied()).unwrap();
        let two = of(&[2.0, 2.0]);
        assert_eq!((two.median, two.pairs), (2.0, 2));
        assert!(two.noise);
        assert!(of(&[0.6]).noise && of(&[1.9]).noise);
        assert!(!of(&[0.02]).noise && !of(&[2.5]).noise);
    }

    #[test]
    fn an_even_number_of_values_has_a_median_between_two() {
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0].into_iter()).unwrap();
        assert_eq!((spread.median, spread.range, spread.count), (2.5, (1.0, 4.0), 4));
        assert_eq!(spread.quartiles, (1.75, 3.25));
        let odd = Spread::of([5.0, 1.0, 2.0, 4.0, 3.0].into_iter()).unwrap();
        assert_eq!((odd.median, odd.quartiles), (3.0, (2.0, 4.0)));
        assert_eq!(Spread::of(std::iter::empty()), None);
    }
}
