// SPDX-License-Identifier: GPL-2.0-only
//! From single measurements to what a cell of the table says.

use crate::Comparison;
use raext_proto::Sample;

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
}

impl Ratio {
    /// Whether the repeats do not agree that there is a difference.
    pub fn is_within_noise(&self) -> bool {
        self.range.0 <= 1.0 && self.range.1 >= 1.0
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
        let ratios = Spread::of(pairs.map(|(k, p)| k.elapsed_ns as f64 / p.elapsed_ns as f64));
        let kernel = runs.iter().find_map(|run| *run.first()?);
        let wrong = |s: &Sample| kernel.is_some_and(|k| k.checksum != s.checksum);
        Some(Cell {
            runs: samples.len(),
            median_ns: time.median,
            range_ns: time.range,
            ratio: ratios
                .filter(|_| column > 0)
                .map(|r| Ratio { median: r.median, range: r.range }),
            device_bytes: of(|s| s.device_bytes as f64)?.median,
            device_reads: of(|s| s.device_reads as f64)?.median,
            amplification: of(Sample::amplification)?.median,
            decisions: of(|s| s.decisions as f64)?.median,
            wrong_data: samples.iter().any(wrong),
        })
    }
}

/// Median and range of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    range: (f64, f64),
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 0 {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self { median, range: (least, most) })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{About, Column};
    use raext_proto::{Device, DeviceProfile, Fs, Workload};
    use std::collections::BTreeMap;

    pub fn sample(ms: u64, device_bytes: u64, checksum: u64) -> Sample {
        Sample {
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
    fn other_data_and_failures_are_flaws() {
        let example = example();
        assert!(example.cell(1, 2).unwrap().wrong_data);
        assert!(!example.cell(0, 2).unwrap().wrong_data);
        assert_eq!(example.cell(1, 1), None);
        assert!(example.is_flawed());
        let mut sound = example;
        sound.rows.truncate(1);
        assert!(!sound.is_flawed());
    }

    #[test]
    fn an_even_number_of_values_has_a_median_between_two() {
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0].into_iter()).unwrap();
        assert_eq!((spread.median, spread.range), (2.5, (1.0, 4.0)));
        assert_eq!(Spread::of(std::iter::empty()), None);
    }

    #[test]
    fn json_keeps_everything() {
        let example = example();
        let text = example.to_json().unwrap();
        assert_eq!(Comparison::from_json(&text).unwrap(), example);
        let newer = text.replacen("\"schema\": 1", "\"schema\": 2", 1);
        assert!(Comparison::from_json(&newer).unwrap_err().to_string().contains("schema 2"));
    }
}
