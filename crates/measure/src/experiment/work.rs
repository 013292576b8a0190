// SPDX-License-Identifier: GPL-2.0-only
//! What is run, and the outcome of a run.

use crate::experiment::Flaw;
use raext_model::{DeviceProfile, Fs, WorkloadSpec};
use raext_vm::{Machine, Session};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One run of one cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// One for most rows; two for a scan beside random readers.
    pub parts: Vec<Part>,
    /// Read requests that the device completed meanwhile.
    pub device_reads: u64,
    /// Bytes that the device read meanwhile.
    pub device_bytes: u64,
    /// Decisions that the policy was asked for (0 without a policy).
    pub decisions: u64,
    /// A checksum or a normalised answer: the same in every column, or the cell
    /// is wrong.
    pub answer: String,
    /// Bytes that were asked for and got, where that is counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// Processor time, nanoseconds, where that is counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu_ns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// What is timed by itself. Its work is the same in each run, so that a quotient
/// of times is one of speeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// Wall time, nanoseconds.
    pub ns: u64,
    /// How much was done, in the row's own unit.
    pub ops: u64,
}

impl Outcome {
    /// Whether it came to its limit: then it has no answer, and has not read all.
    pub fn is_cut(&self) -> bool {
        matches!(&self.answer[..], CUT | CUT_BLIND)
    }

    /// Nanoseconds an operation: the geometric mean over the parts.
    pub fn ns_per_op(&self) -> f64 {
        if let [part] = &self.parts[..] {
            return part.ns.max(1) as f64 / part.ops.max(1) as f64;
        }
        let logs =
            self.parts.iter().map(|part| (part.ns.max(1) as f64 / part.ops.max(1) as f64).ln());
        (logs.sum::<f64>() / self.parts.len().max(1) as f64).exp()
    }
}

/// The device and the file system that a work's data lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Latency and bandwidth.
    pub device: DeviceProfile,
    /// What lies on it.
    pub fs: Fs,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.device, self.fs))
    }
}

/// The answer of a run that came to its limit: its speed counts, by what it did.
pub const CUT: &str = "cut short";
/// The answer of a run that came to its limit without a progress count. It did at most all of
/// its work, so its figure is an upper bound.
pub const CUT_BLIND: &str = "cut short, no faster than this";

/// When a run is hopelessly slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// It takes longer than this, milliseconds.
    pub ms: u64,
    /// What a whole run does, and what the kernel needs for it.
    pub whole: Vec<Part>,
}

impl Limit {
    /// The one part of a run that took longer and did not tell what it had done; `None`
    /// where several parts go on at once, since the one that is late is not known.
    pub fn exceeded(&self) -> Option<Part> {
        let [part] = &self.whole[..] else { return None };
        Some(Part { ns: self.ms * 1_000_000, ..part.clone() })
    }
}

/// How a run is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct How {
    /// With nothing dropped before, for the floor. Such a run is made twice in a row, and
    /// the second one counts: all of its data is cached then.
    pub cached: bool,
    /// How long it may take: one that takes longer may end early, with the answer [`CUT`]
    /// and the operations that it did where that changes nothing of its speed, else with
    /// [`CUT_BLIND`] and [`Limit::exceeded`].
    pub limit: Option<Limit>,
}

/// A pattern's numbers, for those who want to run the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// What is accessed.
    pub spec: WorkloadSpec,
    /// Of so many bytes of data.
    pub data_bytes: u64,
}

/// Something that is run again and again on a machine, the same each time. A [`Flaw`]
/// marks the cell, and the rest goes on.
pub trait Work<G = Session> {
    /// Its name, on the command line too. Works of different places may share it.
    fn name(&self) -> &str;

    /// One line for people.
    fn describe(&self) -> &str;

    /// Where its data lies.
    fn place(&self) -> Place;

    /// All that decides what is run, versions and sizes included: measurements
    /// of another definition are not mixed with those of this one. Asked for after
    /// [`Work::provide`].
    fn definition(&self) -> String;

    /// What its machine is called: works of the same place and machine share one
    /// boot.
    fn machine(&self) -> &str {
        "synthetic"
    }

    /// Before the boot: get what is needed (packages, data sets), and add to the
    /// machine what this work wants in it.
    ///
    /// # Errors
    /// When the work cannot be run here: all of its cells are marked with the reason.
    fn provide(&mut self, machine: &mut Machine) -> Result<(), Flaw> {
        let _ = machine;
        Ok(())
    }

    /// After a boot, before the first of this work's runs that follow each other: the
    /// device or volume, and the data on it. The readahead setting is the kernel's own,
    /// and no policy is attached, but for [`crate::experiment::Attach::PerSweep`]: there
    /// all works share one device, which the first one makes.
    ///
    /// # Errors
    /// As [`Work::provide`].
    fn prepare(&mut self, guest: &mut G) -> Result<(), Flaw>;

    /// One run, with a cold cache unless it is to be a cached one, under whatever is
    /// attached and set now.
    ///
    /// # Errors
    /// When it fails or brings a wrong answer.
    fn run(&mut self, guest: &mut G, how: &How) -> Result<Outcome, Flaw>;

    /// Bytes that the device has to read in a cold run, for each part; where that
    /// is not known, the least that it read in any run stands in.
    fn needed_bytes(&self) -> Option<Vec<u64>> {
        None
    }

    /// The pattern that it is, if it is one.
    fn pattern(&self) -> Option<Pattern> {
        None
    }
}

/// A work's id.
pub fn id<G>(work: &dyn Work<G>) -> String {
    format!("{}@{}", work.name(), work.place())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_count_alike() {
        let part = |ns, ops| Part { name: String::new(), ns, ops };
        let outcome = |parts| Outcome {
            parts,
            device_reads: 0,
            device_bytes: 0,
            decisions: 0,
            answer: String::new(),
            bytes: 0,
            cpu_ns: 0,
        };
        let one = outcome(vec![part(800, 8)]);
        assert!((one.ns_per_op() - 100.0).abs() < 1e-9);
        let two = outcome(vec![part(800, 8), part(400, 1)]);
        assert!((two.ns_per_op() - 200.0).abs() < 1e-9, "{}", two.ns_per_op());
    }

    #[test]
    fn one_part_can_be_cut_short_blindly() {
        let part = |ns| Part { name: "reads".into(), ns, ops: 8 };
        let limit = |whole| Limit { ms: 3, whole };
        assert_eq!(limit(vec![part(800)]).exceeded(), Some(part(3_000_000)));
        assert_eq!(limit(vec![part(800), part(900)]).exceeded(), None);
    }
}
