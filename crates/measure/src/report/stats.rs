// SPDX-License-Identifier: GPL-2.0-only
//! From single measurements to what a cell of the table says.

use crate::report::{Comparison, Noise};
use raext_model::Sample;

/// What is shown of a workload under a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// How many runs there are.
    pub runs: usize,
    /// Median time, nanoseconds.
    pub median_ns: f64,
    /// Quickest and slowest run, nanoseconds.
    pub range_ns: (f64, f64),
    /// Against the kernel's own readahead; `None` in the kernel's column.
    pub ratio: Option<Ratio>,
    /// Median of the bytes that the device read.
    pub device_bytes: f64,
    /// Median of the requests that the device completed.
    pub device_reads: f64,
    /// Device bytes for each byte asked for.
    pub amplification: f64,
    /// Median of the policy's decisions.
    pub decisions: f64,
    /// Whether the bytes read were others than without a policy.
    pub wrong_data: bool,
}

/// How many times as fast as the kernel's own readahead: its time over the
/// policy's, in the same repeat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Median over the repeats.
    pub median: f64,
    /// Smallest and largest.
    pub range: (f64, f64),
    /// First and third quartile.
    pub quartiles: (f64, f64),
    /// From how many repeats.
    pub pairs: usize,
    /// The factor that chance alone does not reach here, if that is known.
    pub band: Option<f64>,
}

/// With fewer repeats a ratio is on one side of 1 by chance too often.
const FEWEST_PAIRS: usize = 3;

/// What chance does not reach, not even in a single repeat.
const BEYOND_CHANCE: f64 = 2.0;

impl Ratio {
    /// Of the ratios of each repeat; `None` if there are none.
    pub fn of(ratios: impl Iterator<Item = f64>) -> Option<Self> {
        Spread::of(ratios).map(|spread| Self {
            median: spread.median,
            range: spread.range,
            quartiles: spread.quartiles,
            pairs: spread.count,
            band: None,
        })
    }

    /// The same, knowing how far runs scatter there, and that the base was chosen among
    /// so many for being the quickest.
    pub fn amid(self, noise: Option<Noise>, among: usize) -> Self {
        Self { band: noise.map(|noise| noise.band(self.pairs, among)), ..self }
    }

    /// Whether no difference was shown: it is one that chance alone makes there, or, if
    /// that is not known, the repeats do not agree on one. Fewer than three of them have
    /// to be apart by more than a factor of two.
    pub fn is_within_noise(&self) -> bool {
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

impl Comparison {
    /// What is known of a cell; `None` if it was never measured.
    pub fn cell(&self, row: usize, column: usize) -> Option<Cell> {
        let runs = &self.rows.get(row)?.runs;
        let samples: Vec<Sample> = runs.iter().filter_map(|run| *run.get(column)?).collect();
        let of = |value: fn(&Sample) -> f64| Spread::of(samples.iter().map(value));
        let time = of(|s| s.elapsed_ns as f64)?;
        let pairs = runs.iter().filter_map(|run| Some(((*run.first()?)?, (*run.get(column)?)?)));
        let ratios = Ratio::of(pairs.map(|(k, p)| k.elapsed_ns as f64 / p.elapsed_ns as f64));
        let ratios = ratios.map(|ratio| ratio.amid(self.noise(row), 1));
        let kernel = runs.iter().find_map(|run| *run.first()?);
        let wrong = |s: &Sample| kernel.is_some_and(|k| k.checksum != s.checksum);
        Some(Cell {
            runs: samples.len(),
            median_ns: time.median,
            range_ns: time.range,
            ratio: ratios.filter(|_| column > 0),
            device_bytes: of(|s| s.device_bytes as f64)?.median,
            device_reads: of(|s| s.device_reads as f64)?.median,
            amplification: of(Sample::amplification)?.median,
            decisions: of(|s| s.decisions as f64)?.median,
            wrong_data: samples.iter().any(wrong),
        })
    }

    /// How far runs of the same column scatter in a row.
    fn noise(&self, row: usize) -> Option<Noise> {
        let runs = &self.rows.get(row)?.runs;
        Noise::of((0..self.columns.len()).map(|column| {
            let samples = runs.iter().filter_map(move |run| *run.get(column)?);
            samples.map(|sample| sample.elapsed_ns as f64)
        }))
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
pub mod tests {
    use super::*;
    use crate::report::{About, Column};
    use raext_model::{Device, DeviceProfile, Fs, Workload};
    use std::collections::BTreeMap;

    pub fn sample(ms: u64, device_bytes: u64, checksum: u64) -> Sample {
        Sample {
            cpu_ns: 0,
            elapsed_ns: ms * 1_000_000,
            bytes: 1 << 20,
            ops: 16,
            device_reads: 8,
            device_bytes,
            decisions: 4,
            checksum,
        }
    }

    /// Two workloads; `wide` is twice as fast on the first and broken on the
    /// second, `noop` is noise.
    pub fn example() -> Comparison {
        let about = About {
            command: "raext compare --policy wide --policy noop".into(),
            date: "2026-11-23 06:00 UTC".into(),
            kernel: "6.12.117".into(),
            accelerator: "TCG".into(),
            host_cpus: 2,
            device: Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 1 << 28 },
            repeats: 3,
        };
        let wide = Column {
            name: "wide".into(),
            set: BTreeMap::from([("limit_kb".into(), "8192".into())]),
        };
        let noop = Column { name: "<noop>".into(), set: BTreeMap::new() };
        let specs = [Workload::SeqRead, Workload::Stride].map(Workload::default_spec);
        let mut comparison = Comparison::new(about, vec![wide, noop], &specs);
        for repeat in 0..3 {
            let ms = 400 + 10 * u64::from(repeat);
            comparison.record(0, repeat, 0, Ok(sample(ms, 2 << 20, 7)));
            comparison.record(0, repeat, 1, Ok(sample(ms / 2, 4 << 20, 7)));
            let noise = [395, 410, 425][repeat as usize];
            comparison.record(0, repeat, 2, Ok(sample(noise, 2 << 20, 7)));
            comparison.record(1, repeat, 0, Ok(sample(100, 2 << 20, 7)));
            comparison.record(1, repeat, 2, Ok(sample(100, 2 << 20, 8)));
        }
        comparison.record(1, 2, 1, Err("the reader <died>".into()));
        comparison
    }

    #[test]
    fn ratios_are_medians_of_pairs() {
        let cell = example().cell(0, 1).unwrap();
        assert_eq!(cell.median_ns, 205e6);
        let ratio = cell.ratio.unwrap();
        assert_eq!((ratio.median, ratio.range), (2.0, (2.0, 2.0)));
        assert!(!ratio.is_within_noise());
        assert_eq!(cell.amplification, 4.0);
        let kernel = example().cell(0, 0).unwrap();
        assert_eq!((kernel.median_ns, kernel.ratio), (410e6, None));
        assert_eq!(kernel.range_ns, (400e6, 420e6));
    }

    #[test]
    fn a_spread_around_one_is_noise() {
        assert!(example().cell(0, 2).unwrap().ratio.unwrap().is_within_noise());
    }

    #[test]
    fn what_chance_makes_is_noise_though_the_repeats_agree() {
        let ratio = Ratio::of([1.02, 1.03, 1.04].into_iter()).unwrap();
        assert!(!ratio.is_within_noise());
        let noise = |deviation| Some(Noise { deviation, freedom: 24.0 });
        assert!(!ratio.amid(noise(0.01), 1).is_within_noise());
        assert!(ratio.amid(noise(0.02), 1).is_within_noise());
        // Beside seven, the quickest is quick by luck.
        assert!(ratio.amid(noise(0.012), 7).is_within_noise());
        assert!(!ratio.amid(None, 7).is_within_noise());
        // One run in which something else came between makes no difference.
        let once = Ratio::of([2.8, 2.9, 0.98, 2.7, 2.8].into_iter()).unwrap();
        assert!(once.is_within_noise() && !once.amid(noise(0.03), 1).is_within_noise());
    }

    #[test]
    fn too_few_repeats_show_nothing() {
        let mut two = example();
        two.rows[0].runs.truncate(2);
        let ratio = two.cell(0, 1).unwrap().ratio.unwrap();
        assert_eq!((ratio.median, ratio.pairs), (2.0, 2));
        assert!(ratio.is_within_noise());
        let of = |median| Ratio { median, pairs: 1, ..ratio };
        assert!(of(0.6).is_within_noise() && of(1.9).is_within_noise());
        assert!(!of(0.02).is_within_noise() && !of(2.5).is_within_noise());
    }

    #[test]
    fn a_pair_needs_both() {
        let mut example = example();
        example.rows[0].runs[1][0] = None;
        let cell = example.cell(0, 1).unwrap();
        assert_eq!((cell.median_ns, cell.ratio.unwrap().pairs), (205e6, 2));
    }

    #[test]
    fn other_data_and_failures_are_flaws() {
        let example = example();
        assert!(example.cell(1, 2).unwrap().wrong_data);
        assert!(!example.cell(0, 2).unwrap().wrong_data);
        assert_eq!(example.cell(1, 1), None);
        assert!(example.is_flawed() && example.wrong_data());
        let mut sound = example.clone();
        sound.rows.truncate(1);
        assert!(!sound.is_flawed() && !sound.wrong_data());
        sound.record(0, 0, 1, Err("it died".into()));
        assert!(sound.is_flawed() && !sound.wrong_data());
        // The kernel's own runs are held against each other.
        let mut kernel = example;
        kernel.rows.truncate(1);
        kernel.record(0, 2, 0, Ok(sample(400, 2 << 20, 9)));
        assert!(kernel.cell(0, 0).unwrap().wrong_data);
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

    #[test]
    fn json_keeps_everything() {
        let example = example();
        let text = example.to_json().unwrap();
        assert_eq!(Comparison::from_json(&text).unwrap(), example);
    }

    #[test]
    fn json_that_does_not_fit_is_refused() {
        let text = example().to_json().unwrap();
        let refused = |text: &str| Comparison::from_json(text).unwrap_err().to_string();
        // Whatever else another version has.
        assert!(refused("{\"schema\": 2, \"tables\": []}").contains("schema 2"));
        assert!(refused("{}").contains("schema"));
        let short = example();
        let mut columns = short.clone();
        columns.columns.pop();
        assert!(refused(&columns.to_json().unwrap()).contains("seq-read"));
        let mut failure = short;
        failure.rows[1].failures[0].column = 7;
        assert!(refused(&failure.to_json().unwrap()).contains("stride"));
        assert!(refused(&text[..text.len() / 2]).contains("EOF"));
    }
}
