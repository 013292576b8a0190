// SPDX-License-Identifier: GPL-2.0-only
//! `raext cost`: what an attached policy costs, in instructions, on a machine
//! that counts them: those who do not need it (everything is cached), and each
//! decision that it is asked for.

use crate::args::CostArgs;
use crate::policy;
use crate::steps::Steps;
use anyhow::Result;
use raext_model::{CachedAccess, Device, DeviceProfile, Fs, Passed, Workload};
use raext_vm::{Engine, GuestObject};
use std::collections::BTreeMap;

const GUEST_OBJECT: &str = "/policy.bpf.o";
const DATA_BYTES: u64 = 64 << 20;
/// Passes each side makes before the other one's turn.
const BLOCK: u32 = 3;

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

/// Instructions of one access, without the policy and with it; and how many
/// decisions there were.
struct Pair {
    without: f64,
    with: f64,
    decisions: f64,
}

/// Measure and print.
pub fn run(args: &CostArgs, steps: &Steps) -> Result<()> {
    let step = |text: &str| steps.step(text);
    let object = policy::object(&args.policy, &step)?;
    let files = vec![GuestObject {
        guest: GUEST_OBJECT.into(),
        host: object.path().to_path_buf(),
        executable: false,
    }];
    let kernel = args.kernel.choice();
    let mut engine = if args.time {
        Engine::start(&kernel, files, &[], &step)?
    } else {
        Engine::start_counting(&kernel, files, &step)?
    };
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    engine.set_up(device, &step)?;
    let pairs = args.pairs.unwrap_or(if args.time { 40 } else { 7 });
    steps.count("pairs", u64::from(pairs));
    let mut cached: Vec<Vec<Pair>> = CACHED.map(|_| Vec::new()).into();
    let mut decided: Vec<Vec<Pair>> = DECISIONS.map(|_| Vec::new()).into();
    for pair in 0..pairs {
        // Who goes first changes, so that a drift of the machine cancels out.
        let first = pair % 2 == 0;
        let one = measure(&mut engine, first, args.time, steps)?;
        let other = measure(&mut engine, !first, args.time, steps)?;
        let (with, without) = if first { (one, other) } else { (other, one) };
        for (pairs, (with, without)) in cached.iter_mut().zip(with.0.iter().zip(&without.0)) {
            pairs.push(Pair { without: *without, with: *with, decisions: 0.0 });
        }
        for (pairs, (with, without)) in decided.iter_mut().zip(with.1.iter().zip(&without.1)) {
            pairs.push(Pair { without: without.0, with: with.0, decisions: with.1 });
        }
        steps.part(&format!("pair {}", pair + 1));
    }
    let (release, accelerator) = (engine.release().to_owned(), engine.accelerator());
    engine.stop()?;
    steps.finish();
    let unit = if args.time { "nanoseconds" } else { "instructions" };
    println!(
        "{} attached against none, {unit}, median of {pairs} pairs (kernel {release}, \
         {accelerator})\n",
        args.policy
    );
    print_cached(&cached);
    print_decided(&decided);
    Ok(())
}

/// For each cached access, its cost; for each kind of decision, the cost of an
/// access and the decisions it brought.
type Side = (Vec<f64>, Vec<(f64, f64)>);

fn measure(engine: &mut Engine, attached: bool, time: bool, steps: &Steps) -> Result<Side> {
    let step = |text: &str| steps.step(text);
    if attached {
        engine.attach(GUEST_OBJECT, &BTreeMap::new(), &step)?;
    }
    let cost = |pass: &Passed| (if time { pass.ns } else { pass.cpu_ns }) as f64 / pass.ops as f64;
    let mut cached = Vec::new();
    for (access, _) in CACHED {
        let passes = engine.cached_passes(access, BLOCK, &step)?;
        // The pass that was disturbed least.
        cached.push(passes.iter().map(cost).fold(f64::INFINITY, f64::min));
    }
    let mut decided = Vec::new();
    for (workload, _) in DECISIONS {
        let sample = engine.run(workload.default_spec(), &step)?;
        let cost = if time { sample.elapsed_ns } else { sample.cpu_ns };
        decided
            .push((cost as f64 / sample.ops as f64, sample.decisions as f64 / sample.ops as f64));
    }
    if attached {
        engine.detach(&step)?;
    }
    Ok((cached, decided))
}

/// Lower quartile, median, upper quartile.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|q| values[((values.len() - 1) as f64 * q).round() as usize])
}

fn percent(pair: &Pair) -> f64 {
    (pair.with / pair.without - 1.0) * 100.0
}

fn print_cached(cached: &[Vec<Pair>]) {
    println!(
        "{:<44} {:>10} {:>10}   more (quartiles)",
        "access that needs no I/O", "none", "policy"
    );
    for ((_, name), pairs) in CACHED.iter().zip(cached) {
        let median = |of: fn(&Pair) -> f64| quartiles(pairs.iter().map(of).collect())[1];
        let [low, middle, high] = quartiles(pairs.iter().map(percent).collect());
        println!(
            "{name:<44} {:>10.0} {:>10.0}   {middle:+.2} % ({low:+.2} .. {high:+.2})",
            median(|pair| pair.without),
            median(|pair| pair.with),
        );
    }
}

fn print_decided(decided: &[Vec<Pair>]) {
    println!(
        "\n{:<44} {:>10} {:>10}   more a decision (quartiles)",
        "access that needs I/O", "none", "policy"
    );
    for ((_, name), pairs) in DECISIONS.iter().zip(decided) {
        let median = |of: fn(&Pair) -> f64| quartiles(pairs.iter().map(of).collect())[1];
        let each = |pair: &Pair| (pair.with - pair.without) / pair.decisions.max(f64::MIN_POSITIVE);
        let [low, middle, high] = quartiles(pairs.iter().map(each).collect());
        println!(
            "{name:<44} {:>10.0} {:>10.0}   {middle:+.0} ({low:+.0} .. {high:+.0})",
            median(|pair| pair.without),
            median(|pair| pair.with),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_those_of_the_sorted_values() {
        assert_eq!(quartiles(vec![5.0, 1.0, 3.0, 2.0, 4.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(vec![7.0]), [7.0; 3]);
    }
}
