// SPDX-License-Identifier: GPL-2.0-only
//! The measurements of patterns, as `raext compare` writes them to JSON.

use crate::experiment::{
    Boot, Contender, Header, Known, Line, Outcome, Part, Pattern, Place, Policy, RunLine, WorkLine,
};
use crate::report::Report;
use raext_model::{Device, DeviceProfile, Fs, Sample, WorkloadSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON; raised when a reader of the old one would go wrong.
const SCHEMA: u32 = 1;

/// Policies against the kernel's own readahead, on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this structure.
    pub schema: u32,
    /// Where and how it was measured.
    pub about: About,
    /// The contenders; the first is the kernel without a policy.
    pub columns: Vec<Column>,
    /// The runs' work.
    pub rows: Vec<Runs>,
}

/// Where and how it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The command line that measures it again.
    pub command: String,
    /// Day and time, UTC.
    pub date: String,
    /// Release of the guest's kernel.
    pub kernel: String,
    /// How the guest's instructions were carried out.
    pub accelerator: String,
    /// Processors of the host.
    pub host_cpus: u32,
    /// The device.
    pub device: Device,
    /// How often each cell was measured.
    pub repeats: u32,
}

/// A policy with its tunables, or the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The tunables that were set.
    pub set: BTreeMap<String, String>,
}

/// A workload and its measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// The runs' work.
    pub spec: WorkloadSpec,
    /// Measurements by repeat, then by column.
    pub runs: Vec<Vec<Option<Sample>>>,
    /// The runs that failed.
    pub failures: Vec<CellFailure>,
}

/// A measurement that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFailure {
    /// Its column.
    pub column: usize,
    /// Its repeat, from 0.
    pub repeat: u32,
    /// The reason.
    pub why: String,
}

impl Column {
    fn of(contender: &Contender) -> Self {
        let label = contender.label();
        let Contender::Policy(policy) = contender else {
            return Self { name: label, set: BTreeMap::new() };
        };
        let name = label.strip_suffix(&tunables(&policy.set)).unwrap_or(&label);
        Self { name: name.to_owned(), set: policy.set.clone() }
    }

    fn contender(&self) -> Contender {
        let label = label(&self.name, &self.set);
        Contender::Policy(Policy { label, set: self.set.clone(), ..Policy::default() })
    }
}

/// Name and tunables of a policy, as they are given on the command line.
pub fn label(name: &str, set: &BTreeMap<String, String>) -> String {
    format!("{name}{}", tunables(set))
}

fn tunables(set: &BTreeMap<String, String>) -> String {
    let set: Vec<_> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if set.is_empty() { String::new() } else { format!(":{}", set.join(",")) }
}

impl Comparison {
    /// The measurements of a report, as far as they are of patterns.
    pub fn of(report: &Report<'_>) -> Self {
        let Known { header, boots, rows, .. } = report.known;
        let repeats = report.known.repeats();
        let boot = boots.last();
        let patterns = || rows.iter().filter_map(|row| Some((row, row.row.pattern?)));
        let device = patterns().next().map_or(
            Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 0 },
            |(row, Pattern { data_bytes, .. })| {
                let Place { device: profile, fs } = row.row.place;
                Device { profile, fs, data_bytes }
            },
        );
        let about = About {
            command: boot.map(|boot| boot.command.clone()).unwrap_or_default(),
            date: boot.map(|boot| boot.date.clone()).unwrap_or_default(),
            kernel: header.kernel.clone(),
            accelerator: boot.map(|boot| boot.accelerator.clone()).unwrap_or_default(),
            host_cpus: boot.map_or(0, |boot| boot.host_cpus),
            device,
            repeats,
        };
        let keys: Vec<_> = header.columns.iter().map(Contender::key).collect();
        let rows = patterns().map(|(row, Pattern { spec, .. })| {
            let run = |repeat: u32| {
                let sample = |key: &String| {
                    row.outcomes(key)
                        .find(|(at, _)| *at == repeat)
                        .map(|(_, outcome)| sample(outcome))
                };
                keys.iter().map(sample).collect()
            };
            let mut failures: Vec<_> = (0..)
                .zip(&keys)
                .flat_map(|(column, key)| row.failures(key).map(move |failure| (column, failure)))
                .map(|(column, (repeat, why))| CellFailure { column, repeat, why: why.to_string() })
                .collect();
            failures.sort_by_key(|failure| failure.repeat);
            Runs { spec, runs: (0..repeats).map(run).collect(), failures }
        });
        let rows = rows.collect();
        Self {
            schema: SCHEMA,
            about,
            columns: header.columns.iter().map(Column::of).collect(),
            rows,
        }
    }

    /// The same as [`Known`].
    pub fn known(&self) -> Known {
        let About { command, date, kernel, accelerator, host_cpus, device, .. } =
            self.about.clone();
        let policies = self.columns.iter().skip(1).map(Column::contender);
        let columns: Vec<_> = [Contender::Kernel].into_iter().chain(policies).collect();
        let keys: Vec<_> = columns.iter().map(Contender::key).collect();
        let mut known = Known::new(Header::new(kernel, columns));
        known.take(&Line::Boot(Boot { accelerator, host_cpus, date, command }));
        for Runs { spec, runs, failures } in &self.rows {
            let place = Place { device: device.profile, fs: device.fs };
            let pattern = Pattern { spec: *spec, data_bytes: device.data_bytes };
            let work = WorkLine::of_pattern(place, pattern);
            let line = |column: usize, repeat: u32, result| RunLine {
                row: work.row.clone(),
                column: keys[column].clone(),
                repeat,
                took_ms: 0,
                result,
            };
            known.take(&Line::Row(work.clone()));
            for (repeat, run) in (0..).zip(runs) {
                for (column, sample) in run.iter().enumerate() {
                    let Some(sample) = sample else { continue };
                    known.take(&Line::Run(line(column, repeat, Ok(outcome(*spec, sample)))));
                }
            }
            for CellFailure { column, repeat, why } in failures {
                known.take(&Line::Run(line(*column, *repeat, Err(why.clone().into()))));
            }
        }
        known
    }
}

/// The outcome of a run of a pattern.
pub(crate) fn outcome(spec: WorkloadSpec, sample: &Sample) -> Outcome {
    let part = Part { name: spec.workload.to_string(), ns: sample.elapsed_ns, ops: sample.ops };
    Outcome {
        parts: vec![part],
        device_reads: sample.device_reads,
        device_bytes: sample.device_bytes,
        decisions: sample.decisions,
        answer: format!("{:016x}", sample.checksum),
        bytes: sample.bytes,
        cpu_ns: sample.cpu_ns,
    }
}

fn sample(outcome: &Outcome) -> Sample {
    let (ns, ops) = outcome.parts.first().map_or((0, 0), |part| (part.ns, part.ops));
    Sample {
        elapsed_ns: ns,
        cpu_ns: outcome.cpu_ns,
        bytes: outcome.bytes,
        ops,
        device_reads: outcome.device_reads,
        device_bytes: outcome.device_bytes,
        decisions: outcome.decisions,
        checksum: u64::from_str_radix(&outcome.answer, 16).unwrap_or_default(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::experiment::SlowRule;
    use raext_model::Workload;

    pub(crate) fn sample(ms: u64, device_bytes: u64, checksum: u64) -> Sample {
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
    pub(crate) fn example() -> Comparison {
        let about = About {
            command: "raext compare --policy wide --policy noop".into(),
            date: "2026-11-23 06:00 UTC".into(),
            kernel: "6.12.117".into(),
            accelerator: "TCG".into(),
            host_cpus: 2,
            device: Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 1 << 28 },
            repeats: 3,
        };
        let column = |name: &str, set| Column { name: name.into(), set };
        let limit = BTreeMap::from([("limit_kb".into(), "8192".into())]);
        let columns = vec![
            column("kernel", BTreeMap::new()),
            column("wide", limit),
            column("<noop>", BTreeMap::new()),
        ];
        let first = |repeat: u64| {
            let (ms, noise) = (400 + 10 * repeat, [395, 410, 425][repeat as usize]);
            let runs = [(ms, 2 << 20), (ms / 2, 4 << 20), (noise, 2 << 20)];
            runs.map(|(ms, bytes)| Some(sample(ms, bytes, 7))).to_vec()
        };
        let second = |_| vec![Some(sample(100, 2 << 20, 7)), None, Some(sample(100, 2 << 20, 8))];
        let row = |workload: Workload, runs, failures| Runs {
            spec: workload.default_spec(),
            runs,
            failures,
        };
        let died = CellFailure { column: 1, repeat: 2, why: "the reader <died>".into() };
        let rows = vec![
            row(Workload::SeqRead, (0..3).map(first).collect(), vec![]),
            row(Workload::Stride, (0..3).map(second).collect(), vec![died]),
        ];
        Comparison { schema: SCHEMA, about, columns, rows }
    }

    pub(crate) fn report(known: &Known) -> Report<'_> {
        Report::of(known, SlowRule::COMPARISON, &[])
    }

    fn json(comparison: &Comparison) -> String {
        serde_json::to_string_pretty(comparison).unwrap()
    }

    #[test]
    fn ratios_are_medians_of_pairs() {
        let known = example().known();
        let row = &report(&known).rows[0];
        let times = |column: usize| row.cells[column].ns.unwrap().median * row.ops;
        assert_eq!((times(0), times(1)), (410e6, 205e6));
        let range = row.cells[0].ns.unwrap().range;
        assert_eq!((range.0 * row.ops, range.1 * row.ops), (400e6, 420e6));
        let ratio = row.cells[1].ratio.unwrap();
        assert_eq!((ratio.median, ratio.range, ratio.noise), (2.0, (2.0, 2.0), false));
        assert_eq!((row.cells[1].amplification, row.cells[0].ratio), (Some(4.0), None));
        assert!(row.cells[2].ratio.unwrap().noise);
    }

    #[test]
    fn a_pair_needs_both() {
        let mut example = example();
        example.rows[0].runs[1][0] = None;
        let known = example.known();
        let row = &report(&known).rows[0];
        assert_eq!(row.cells[1].ns.unwrap().median * row.ops, 205e6);
        assert_eq!(row.cells[1].ratio.unwrap().pairs, 2);
    }

    #[test]
    fn other_data_and_failures_are_flaws() {
        let flawed = |example: &Comparison| {
            let known = example.known();
            let report = report(&known);
            (
                report.is_flawed(),
                report.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.wrong),
            )
        };
        let example = example();
        let known = example.known();
        let second = &report(&known).rows[1];
        assert!(second.cells[2].wrong && second.cells[1].ns.is_none());
        assert_eq!(flawed(&example), (true, true));
        let mut sound = example.clone();
        sound.rows.truncate(1);
        assert_eq!(flawed(&sound), (false, false));
        let why = "it died".to_owned();
        sound.rows[0].runs[0][1] = None;
        sound.rows[0].failures.push(CellFailure { column: 1, repeat: 0, why });
        assert_eq!(flawed(&sound), (true, false));
        // The kernel's own runs are compared with each other.
        let mut kernel = example;
        kernel.rows.truncate(1);
        kernel.rows[0].runs[2][0] = Some(sample(400, 2 << 20, 9));
        assert_eq!(flawed(&kernel), (true, true));
    }

    #[test]
    fn json_keeps_everything() {
        let example = example();
        let read = serde_json::from_str::<Comparison>(&json(&example)).unwrap();
        assert_eq!(read, example);
        assert_eq!(Comparison::of(&report(&read.known())), example);
    }
}
