// SPDX-License-Identifier: GPL-2.0-only
//! What a decision costs, in instructions, on a machine that counts them: there a
//! nanosecond is an instruction, and the module counts the time in callbacks.

use crate::experiment::{
    Attach, BenchError, Contender, CostLine, Experiment, Flaw, Header, How, Line, MemoryStore,
    MicroVms, Outcome, Part, Place, Plan, SlowRule, Store, Work,
};
use raext_model::requests::{ReadCounters, RunWorkload, SetTiming, SetupDevice};
use raext_model::{Device, DeviceProfile, Fs, Progress, VERDICTS, Workload};
use raext_vm::{KernelChoice, Session};

use std::rc::Rc;

const DATA_BYTES: u64 = 64 << 20;

/// Workloads that bring decisions of every kind.
const WORKLOADS: [Workload; 5] = [
    Workload::SeqRead,
    Workload::RandomRead,
    Workload::Stride,
    Workload::MmapSeq,
    Workload::MmapRandom,
];

/// All of them in one run; its parts are the kinds of events.
struct Decisions;

impl Work for Decisions {
    fn name(&self) -> &'static str {
        "decisions"
    }

    fn describe(&self) -> &'static str {
        "workloads that bring decisions of every kind"
    }

    fn place(&self) -> Place {
        Place { device: DeviceProfile::Nvme, fs: Fs::Ext4 }
    }

    fn definition(&self) -> String {
        format!("{DATA_BYTES} bytes of data, {WORKLOADS:?}")
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        let Place { device: profile, fs } = self.place();
        session.ask(SetupDevice { device: Device { profile, fs, data_bytes: DATA_BYTES } })?;
        Ok(session.ask(SetTiming { on: true })?)
    }

    fn run(&mut self, session: &mut Session, _: &How) -> Result<Outcome, Flaw> {
        for workload in WORKLOADS {
            session.ask(RunWorkload { spec: workload.default_spec() })?;
        }
        let mut parts = Vec::new();
        for (name, counts) in session.ask(ReadCounters)? {
            let of = |name: &str| counts.get(name).copied().unwrap_or(0);
            let ops = VERDICTS.iter().map(|verdict| of(verdict)).sum();
            if ops > 0 {
                parts.push(Part { name, ns: of("ns"), ops });
            }
        }
        Ok(Outcome { parts, ..Outcome::default() })
    }
}

/// Count the instructions of the decisions of policies, where a store does not have
/// them. A policy that cannot be counted is told of, and the rest goes on.
///
/// # Errors
/// When the store cannot be written, or there is no machine.
pub fn count_decisions(
    contenders: &[Contender],
    kernel: &KernelChoice,
    store: &mut dyn Store,
    progress: &Rc<dyn Progress>,
) -> Result<(), BenchError> {
    let is_left = |contender: &&Contender| {
        let known = &store.known().costs;
        contender.is_policy() && known.iter().all(|cost| cost.policy != contender.label())
    };
    let contenders: Vec<_> = contenders.iter().filter(is_left).cloned().collect();
    if contenders.is_empty() || progress.is_stopped() {
        return Ok(());
    }
    let mut counted = MemoryStore::new(Header::new(String::new(), contenders.clone()));
    let plan = Plan {
        works: vec![Box::new(Decisions)],
        contenders,
        repeats: 1,
        floor: false,
        attach: Attach::PerRun,
        slow: SlowRule::NONE,
        boots: 2,
        kernel: kernel.clone(),
        command: String::new(),
    };
    let machines = &mut MicroVms { counting: true };
    Experiment { plan, store: &mut counted, machines, progress: Rc::clone(progress) }.run()?;
    let known = counted.known();
    for contender in &known.header.columns {
        let (policy, key) = (contender.label(), contender.key());
        for row in &known.rows {
            if let Some(why) = row.failure(&key) {
                progress.note(&format!("the decisions of {policy} were not counted: {why}"));
            }
            for part in row.outcomes(&key).flat_map(|(_, outcome)| &outcome.parts) {
                store.append(Line::Cost(CostLine {
                    policy: policy.clone(),
                    event: part.name.clone(),
                    decisions: part.ops,
                    instructions: part.ns,
                }))?;
            }
        }
    }
    Ok(())
}
