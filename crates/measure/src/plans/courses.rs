// SPDX-License-Identifier: GPL-2.0-only
//! Rows of one access pattern each, whose every byte is verified.

use crate::experiment::{CUT, Flaw, How, Outcome, Part, Place, Work};
use crate::plans::device::SharedDevice;
use raext_model::requests::RunCourse;
use raext_model::{Course, CourseRun, Device, Fs, SmallFiles, Workload, WorkloadSpec};
use raext_vm::{Machine, Session};
use std::collections::BTreeSet;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const PAGE: u64 = 4096;
/// Large enough for random accesses to be far apart.
const DATA: u64 = 256 * MIB;
/// So that there is room for another file beside the data.
const LESS_DATA: u64 = 128 * MIB;

struct Synthetic {
    name: &'static str,
    describe: &'static str,
    place: Place,
    data_bytes: u64,
    course: Course,
    made: SharedDevice,
}

/// The rows of a place. The sizes are such that the kernel's default takes one to
/// three seconds on `disk`.
pub fn courses(place: Place) -> Vec<Box<dyn Work>> {
    let made = SharedDevice::default();
    let pattern = |workload: Workload, op_bytes, ops, stride_bytes| {
        let spec = WorkloadSpec { workload, op_bytes, ops, stride_bytes, seed: 1 };
        (workload.name(), workload.describe(), DATA, Course::Pattern(spec))
    };
    let share = |workload, op_bytes, ops| WorkloadSpec {
        workload,
        op_bytes,
        ops,
        stride_bytes: 0,
        seed: 1,
    };
    let mut rows = vec![
        pattern(Workload::SeqRead, 64 * KIB, 64 * MIB / (64 * KIB), 0),
        pattern(Workload::MmapSeq, PAGE, 128 * MIB / PAGE, 0),
        pattern(Workload::RandomRead, 16 * KIB, 200, 0),
        pattern(Workload::MmapRandom, PAGE, 200, 0),
        pattern(Workload::Stride, 16 * KIB, 250, 512 * KIB),
        pattern(Workload::StrideBackward, 16 * KIB, 250, 512 * KIB),
        pattern(Workload::Backward, 16 * KIB, 250, 0),
        pattern(Workload::MmapBackward, PAGE, 16 * MIB / PAGE, 0),
        pattern(Workload::Interleaved, 64 * KIB, 960, 0),
        pattern(Workload::RandomBurst, 16 * KIB, 400, 0),
        pattern(Workload::Phases, 64 * KIB, 448, 0),
        (
            "scan-beside-random",
            "a sequential scan and random page faults of another file at once",
            LESS_DATA,
            Course::Beside {
                scan: share(Workload::SeqRead, 64 * KIB, 32 * MIB / (64 * KIB)),
                random: share(Workload::MmapRandom, PAGE, 120),
            },
        ),
    ];
    if place.fs != Fs::Raw {
        rows.push((
            "small-files",
            "many files of 16 to 128 KiB, each read whole",
            LESS_DATA,
            Course::SmallFiles(SmallFiles {
                files: 120,
                seed: 1,
                least_pages: 4,
                most_pages: 32,
                op_bytes: 16 * KIB,
            }),
        ));
    } else {
        // There is one file on a raw device: the device.
        rows.retain(|(_, _, _, course)| matches!(course, Course::Pattern(_)));
    }
    let row = |(name, describe, data_bytes, course)| {
        let made = made.clone();
        Box::new(Synthetic { name, describe, place, data_bytes, course, made }) as Box<dyn Work>
    };
    rows.into_iter().map(row).collect()
}

impl Work for Synthetic {
    fn name(&self) -> &str {
        self.name
    }

    fn describe(&self) -> &str {
        self.describe
    }

    fn place(&self) -> Place {
        self.place
    }

    fn definition(&self) -> String {
        format!("{} bytes of data, {:?}", self.data_bytes, self.course)
    }

    fn provide(&mut self, _: &mut Machine) -> Result<(), Flaw> {
        self.made.forget();
        Ok(())
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        let Place { device: profile, fs } = self.place;
        let device = Device { profile, fs, data_bytes: self.data_bytes };
        self.made.make(session, device)?;
        Ok(())
    }

    fn run(&mut self, session: &mut Session, how: &How) -> Result<Outcome, Flaw> {
        let limit_ms = how.limit.as_ref().map(|limit| limit.ms);
        let run = session.ask(RunCourse { course: self.course, cached: how.cached, limit_ms })?;
        Ok(outcome(run))
    }

    fn needed_bytes(&self) -> Option<Vec<u64>> {
        Some(match &self.course {
            Course::Pattern(spec) => vec![pages(spec, self.data_bytes)],
            Course::Beside { scan, random } => {
                vec![pages(scan, scan.ops * scan.op_bytes), pages(random, self.data_bytes)]
            }
            Course::SmallFiles(small) => vec![raext_model::sizes(small).iter().sum()],
        })
    }
}

/// Bytes of the pages that a pattern touches.
fn pages(spec: &WorkloadSpec, data_bytes: u64) -> u64 {
    let mut pages = BTreeSet::new();
    for offset in raext_model::offsets(spec, data_bytes) {
        pages.extend(offset / PAGE..(offset + spec.op_bytes).div_ceil(PAGE));
    }
    pages.len() as u64 * PAGE
}

/// What a course came to.
pub fn outcome(run: CourseRun) -> Outcome {
    let part = |part: raext_model::CoursePart| Part { name: part.name, ns: part.ns, ops: part.ops };
    Outcome {
        parts: run.parts.into_iter().map(part).collect(),
        device_reads: run.device_reads,
        device_bytes: run.device_bytes,
        decisions: run.decisions,
        answer: if run.cut { CUT.into() } else { format!("{:016x}", run.checksum) },
        bytes: 0,
        cpu_ns: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::DeviceProfile;

    #[test]
    fn a_row_needs_the_pages_that_it_touches() {
        let place = Place { device: DeviceProfile::Disk, fs: Fs::Ext4 };
        for row in courses(place) {
            let needed = row.needed_bytes().unwrap();
            match row.name() {
                "seq-read" => assert_eq!(needed, [64 * MIB]),
                "mmap-random" => assert_eq!(needed, [200 * PAGE]),
                "stride" => assert_eq!(needed, [250 * 16 * KIB]),
                // Its runs may overlap.
                "random-burst" => assert!((MIB..=400 * 16 * KIB).contains(&needed[0])),
                "scan-beside-random" => assert_eq!(needed, [32 * MIB, 120 * PAGE]),
                _ => assert!(needed.iter().all(|bytes| *bytes > 0), "{}", row.name()),
            }
        }
    }

    #[test]
    fn rows_have_different_names_and_definitions() {
        let place = Place { device: DeviceProfile::Disk, fs: Fs::Ext4 };
        let rows = courses(place);
        let names: BTreeSet<_> = rows.iter().map(|row| row.name().to_owned()).collect();
        let definitions: BTreeSet<_> = rows.iter().map(|row| row.definition()).collect();
        assert_eq!((names.len(), definitions.len()), (rows.len(), rows.len()));
        let raw = courses(Place { fs: Fs::Raw, ..place });
        assert_eq!(raw.len(), rows.len() - 2);
    }
}
