// SPDX-License-Identifier: GPL-2.0-only
//! What applications access and what is decided meanwhile: patterns under a policy that
//! decides nothing, with the kernel's trace read after each run.

use crate::experiment::{
    Attach, Contender, Flaw, How, Outcome, Place, Plan, Policy, SlowRule, Work,
};
use crate::learn::{Run, trace};
use crate::plans::device::SharedDevice;
use crate::plans::patterns::OnePattern;
use raext_model::requests::{Exec, Exit};
use raext_model::{Device, DeviceProfile, Fs, Workload, WorkloadSpec};
use raext_vm::{KernelChoice, Machine, Session};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

/// What reads and writes the kernel's files in the guest.
const PROGRAMS: [&str; 2] = ["/bin/sh", "/bin/cat"];
/// Room for the trace on each processor, KiB.
const BUFFER_KB: u32 = 16384;
/// Bytes of data: small enough to be written soon, large enough for random reads to
/// be far apart.
const DATA: u64 = 64 << 20;

/// The runs that were recorded, in the plan's order.
#[derive(Clone, Default)]
pub struct Recorded(Rc<RefCell<Vec<Run>>>);

impl Recorded {
    /// Take them.
    pub fn take(&self) -> Vec<Run> {
        self.0.take()
    }
}

struct Record {
    pattern: OnePattern,
    recorded: Recorded,
}

/// The device that a recording is made on.
pub fn recorded_device(profile: DeviceProfile, fs: Fs) -> Device {
    Device { profile, fs, data_bytes: DATA }
}

/// Workloads in rounds, each of another size and seed, under a policy.
pub fn record(
    policy: Policy,
    workloads: &[Workload],
    (rounds, seed): (u32, u64),
    device: Device,
    kernel: KernelChoice,
) -> (Plan, Recorded) {
    let (recorded, made) = (Recorded::default(), SharedDevice::default());
    let work = |round: u32, workload: Workload| {
        let mut pattern = OnePattern::new(device, spec(workload, seed, round), &made);
        pattern.line.name = format!("{workload}, round {}", round + 1);
        Box::new(Record { pattern, recorded: recorded.clone() }) as Box<dyn Work>
    };
    let round =
        |round: u32| workloads.iter().map(move |&workload| (round, workload)).collect::<Vec<_>>();
    let works = (0..rounds).flat_map(round).map(|(round, workload)| work(round, workload));
    let plan = Plan {
        works: works.collect(),
        contenders: vec![Contender::Policy(policy)],
        repeats: 1,
        floor: false,
        attach: Attach::PerSweep,
        slow: SlowRule::NONE,
        boots: 2,
        kernel,
        command: "raext record".into(),
    };
    (plan, recorded)
}

/// A workload as a round has it: its reads a half, once or twice as large; of a
/// mapping once, twice or four times as much.
fn spec(workload: Workload, seed: u64, round: u32) -> WorkloadSpec {
    let usual = workload.default_spec();
    let seed = seed.wrapping_add(round.into());
    if usual.op_bytes <= 4096 {
        return WorkloadSpec { seed, ops: usual.ops << (round % 3), ..usual };
    }
    let op_bytes = [usual.op_bytes, usual.op_bytes / 2, usual.op_bytes * 2][round as usize % 3];
    let random = workload == Workload::RandomRead;
    let ops = if random { usual.ops } else { usual.ops * usual.op_bytes / op_bytes };
    WorkloadSpec { op_bytes, ops, seed, ..usual }
}

impl Work for Record {
    fn name(&self) -> &str {
        self.pattern.name()
    }

    fn describe(&self) -> &str {
        self.pattern.describe()
    }

    fn place(&self) -> Place {
        self.pattern.place()
    }

    fn definition(&self) -> String {
        self.pattern.definition()
    }

    fn provide(&mut self, machine: &mut Machine) -> Result<(), Flaw> {
        machine.programs = PROGRAMS.map(PathBuf::from).into();
        self.pattern.provide(machine)
    }

    /// A touched page of a mapping faults by itself, which the trace shows.
    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        let OnePattern { made, device, .. } = &self.pattern;
        if !made.make(session, *device)? {
            return Ok(());
        }
        let events =
            trace::TRACEPOINTS.map(|event| format!("test -d $T/events/{event} || exit 9\n"));
        let script = format!(
            "T=/sys/kernel/tracing\n{}echo {BUFFER_KB} > $T/buffer_size_kb\n\
             echo 4096 > /sys/kernel/debug/fault_around_bytes",
            events.concat()
        );
        sh(session, &script).map_err(|flaw| {
            made.forget();
            match flaw {
                Flaw::Failed(why) => {
                    Flaw::Failed(format!("this kernel does not trace accesses: {why}"))
                }
                flaw => flaw,
            }
        })?;
        Ok(())
    }

    fn run(&mut self, session: &mut Session, how: &How) -> Result<Outcome, Flaw> {
        let switch = |on: u8| {
            let each =
                trace::TRACEPOINTS.map(|event| format!("echo {on} > $T/events/{event}/enable\n"));
            format!("T=/sys/kernel/tracing\n{}", each.concat())
        };
        sh(session, &format!("{}echo > $T/trace", switch(1)))?;
        let outcome = self.pattern.run(session, how)?;
        let text = sh(session, &format!("{}cat $T/trace", switch(0)))?;
        let events = trace::parse(&text).map_err(|error| Flaw::Failed(error.to_string()))?;
        if events.is_empty() {
            return Err(Flaw::Failed("the kernel traced no decision".into()));
        }
        self.recorded.0.borrow_mut().push(Run { spec: self.pattern.spec, events });
        Ok(outcome)
    }
}

fn sh(session: &mut Session, script: &str) -> Result<String, Flaw> {
    let Exit { status, stdout, stderr } = session.ask(Exec::new(&["sh", "-c", script]))?;
    if status != 0 {
        return Err(Flaw::Failed(format!("in the microVM, status {status}: {}", stderr.trim())));
    }
    Ok(stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_another_size_or_seed() {
        for workload in Workload::ALL {
            let rounds = [0, 1, 2].map(|round| spec(workload, 7, round));
            assert!(rounds[0] != rounds[1] && rounds[1] != rounds[2], "{rounds:?}");
            assert!(rounds.iter().all(|spec| spec.ops > 0 && spec.op_bytes.is_multiple_of(4096)));
        }
    }

    #[test]
    fn all_workloads_of_a_round_come_before_the_next_one() {
        let workloads = [Workload::SeqRead, Workload::RandomRead];
        let device = recorded_device(DeviceProfile::Cloud, Fs::Ext4);
        let kernel = KernelChoice::default();
        let (plan, _) = record(Policy::default(), &workloads, (2, 100), device, kernel);
        let all: Vec<_> = (0..plan.works.len()).collect();
        let names =
            plan.cells(&all).into_iter().map(|cell| plan.works[cell.work].name().to_owned());
        let expected = ["seq-read, round 1", "random-read, round 1", "seq-read, round 2"];
        assert_eq!(names.take(3).collect::<Vec<_>>(), expected);
    }
}
