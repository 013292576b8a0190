// SPDX-License-Identifier: GPL-2.0-only
//! What an attached policy costs: those who do not need it (everything is cached), and
//! each decision that it is asked for. Instructions on a machine that counts them, or
//! time.

use crate::experiment::{
    Attach, Contender, Flaw, How, Known, KnownWork, Outcome, Part, Place, Plan, SlowRule, Work,
};
use crate::plans::device::SharedDevice;
use crate::report::pairs;
use crate::stats::Spread;
use raext_model::requests::{CachedPasses, RunWorkload};
use raext_model::{CachedAccess, Device, DeviceProfile, Fs, Passed, Workload};
use raext_vm::{KernelChoice, Machine, Session};
use std::fmt::Write as _;

const DEVICE: Device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 64 << 20 };
/// Passes over cached data in one run; the one that was disturbed least counts.
const PASSES: u32 = 3;

/// What is cached, and how it is accessed.
const CACHED: [(CachedAccess, &str); 3] = [
    (CachedAccess::Read, "cached read() of 64 KiB"),
    (CachedAccess::Fault, "cached page of a mapping, read"),
    (CachedAccess::WriteFault, "cached page of a private mapping, written"),
];

/// Workloads whose decisions are of one kind, but for a few.
const DECISIONS: [(Workload, &str); 3] = [
    (Workload::RandomRead, "miss (random-read)"),
    (Workload::SeqRead, "mark (seq-read)"),
    (Workload::MmapRandom, "fault (mmap-random)"),
];

#[derive(Debug, Clone, Copy)]
enum Access {
    Cached(CachedAccess),
    Decided(Workload),
}

struct Cost {
    name: &'static str,
    access: Access,
    time: bool,
    device: SharedDevice,
}

/// Three cached loops and three patterns under the kernel and a policy, in turns.
pub fn cost(policy: Contender, pairs: u32, time: bool, kernel: KernelChoice) -> Plan {
    let device = SharedDevice::default();
    let work = |(access, name)| {
        Box::new(Cost { name, access, time, device: device.clone() }) as Box<dyn Work>
    };
    let cached = CACHED.map(|(access, name)| (Access::Cached(access), name));
    let decided = DECISIONS.map(|(workload, name)| (Access::Decided(workload), name));
    Plan {
        works: cached.into_iter().chain(decided).map(work).collect(),
        contenders: vec![Contender::Kernel, policy],
        repeats: pairs,
        floor: false,
        attach: Attach::PerSweep,
        slow: SlowRule::NONE,
        boots: 2,
        kernel,
        command: "raext cost".into(),
    }
}

impl Work for Cost {
    fn name(&self) -> &str {
        self.name
    }

    fn describe(&self) -> &str {
        self.name
    }

    fn place(&self) -> Place {
        Place { device: DEVICE.profile, fs: DEVICE.fs }
    }

    fn definition(&self) -> String {
        format!("{:?}, {}", self.access, if self.time { "time" } else { "instructions" })
    }

    fn provide(&mut self, _: &mut Machine) -> Result<(), Flaw> {
        self.device.forget();
        Ok(())
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        self.device.make(session, DEVICE)?;
        Ok(())
    }

    fn run(&mut self, session: &mut Session, _: &How) -> Result<Outcome, Flaw> {
        let part = |ns, ops| vec![Part { name: self.name.to_owned(), ns, ops }];
        match self.access {
            Access::Cached(access) => {
                let ns = |pass: &Passed| if self.time { pass.ns } else { pass.cpu_ns };
                let passes = session.ask(CachedPasses { access, passes: PASSES })?;
                let best = passes.iter().min_by_key(|pass| ns(pass));
                let best = best.ok_or_else(|| Flaw::Failed("no pass was made".into()))?;
                Ok(Outcome { parts: part(ns(best), best.ops), ..Outcome::default() })
            }
            Access::Decided(workload) => {
                let sample = session.ask(RunWorkload { spec: workload.default_spec() })?;
                let ns = if self.time { sample.elapsed_ns } else { sample.cpu_ns };
                let answer = format!("{:016x}", sample.checksum);
                let decisions = sample.decisions;
                Ok(Outcome { parts: part(ns, sample.ops), decisions, answer, ..Outcome::default() })
            }
        }
    }
}

/// What was measured, as tables: the cost of an access, and what the policy adds to it.
pub fn cost_table(known: &Known) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{:<44} {:>10} {:>10}   more (quartiles)",
        "access that needs no I/O", "none", "policy"
    );
    let of = |name: &str| known.rows.iter().find(|row| row.row.name == name);
    for work in CACHED.iter().filter_map(|(_, name)| of(name)) {
        let percent = |without: &Outcome, with: &Outcome| {
            (with.ns_per_op() / without.ns_per_op() - 1.0) * 100.0
        };
        let Some((sides, more)) = compared(known, work, percent) else { continue };
        let (low, high) = more.quartiles;
        let _ = writeln!(out, "{sides}   {:+.2} % ({low:+.2} .. {high:+.2})", more.median);
    }
    let _ = writeln!(
        out,
        "\n{:<44} {:>10} {:>10}   more a decision (quartiles)",
        "access that needs I/O", "none", "policy"
    );
    for work in DECISIONS.iter().filter_map(|(_, name)| of(name)) {
        let each = |without: &Outcome, with: &Outcome| {
            let ops: u64 = with.parts.iter().map(|part| part.ops).sum();
            let decisions = with.decisions as f64 / ops as f64;
            (with.ns_per_op() - without.ns_per_op()) / decisions.max(f64::MIN_POSITIVE)
        };
        let Some((sides, more)) = compared(known, work, each) else { continue };
        let (low, high) = more.quartiles;
        let _ = writeln!(out, "{sides}   {:+.0} ({low:+.0} .. {high:+.0})", more.median);
    }
    out
}

/// A work's cost without the policy and with it, and how both compare, pair by pair.
fn compared(
    known: &Known,
    work: &KnownWork,
    of: impl Fn(&Outcome, &Outcome) -> f64,
) -> Option<(String, Spread)> {
    let keys: Vec<_> = known.header.columns.iter().map(Contender::key).collect();
    let median = |key| Some(Spread::of(work.outcomes(key).map(|(_, o)| o.ns_per_op()))?.median);
    let more = Spread::of(pairs(work, &keys[0], &keys[1]).map(|(one, two)| of(one, two)))?;
    let (without, with) = (median(&keys[0])?, median(&keys[1])?);
    Some((format!("{:<44} {without:>10.0} {with:>10.0}", work.row.name), more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Header, Line, MemoryStore, Policy, RunLine, Store as _, WorkLine};

    #[test]
    fn costs_are_compared_pair_by_pair() {
        let policy = Contender::Policy(Policy { label: "noop".into(), ..Policy::default() });
        let plan = cost(policy, 3, false, KernelChoice::default());
        let mut store = MemoryStore::new(Header::new("6.12".into(), plan.contenders.clone()));
        for work in &plan.works {
            let row = crate::experiment::id(work.as_ref());
            store
                .append(Line::Row(WorkLine {
                    row: row.clone(),
                    name: work.name().into(),
                    describe: String::new(),
                    place: work.place(),
                    definition: work.definition(),
                    needed: None,
                    pattern: None,
                }))
                .unwrap();
            for (repeat, drift) in (0..).zip([1000, 2000, 4000]) {
                for (column, more) in [("kernel", 0), ("policy noop", drift / 10)] {
                    let part = Part { name: String::new(), ns: (drift + more) * 10, ops: 10 };
                    // Two decisions for each access.
                    let decisions = if more > 0 { 20 } else { 0 };
                    let outcome = Outcome { parts: vec![part], decisions, ..Outcome::default() };
                    let (row, column) = (row.clone(), column.to_owned());
                    let result = Ok(outcome);
                    let run = RunLine { row, column, repeat, took_ms: 1, result };
                    store.append(Line::Run(run)).unwrap();
                }
            }
        }
        let text = cost_table(store.known());
        for expected in [
            "cached read() of 64 KiB                            2000       2200   +10.00 % (+10.00 .. +10.00)",
            "mark (seq-read)                                    2000       2200   +100 (+75 .. +150)",
        ] {
            assert!(text.contains(expected), "no '{expected}' in\n{text}");
        }
        assert_eq!(text.lines().count(), 9);
    }
}
