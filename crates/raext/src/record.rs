// SPDX-License-Identifier: GPL-2.0-only
//! `raext record`: what applications access and what is decided meanwhile, as a file
//! to train a tree with.

use crate::args::RecordArgs;
use crate::policy;
use crate::steps::Steps;
use anyhow::{Context as _, Result, bail};
use raext_measure::learn::{About, FORMAT, Recording, Run, trace};
use raext_model::{Device, Workload, WorkloadSpec};
use raext_vm::{Engine, GuestObject, Setup};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Where the policy lies in the guest that is asked and decides nothing.
const GUEST_OBJECT: &str = "/noop.bpf.o";
/// What reads and writes the kernel's files in the guest.
const PROGRAMS: [&str; 2] = ["/bin/sh", "/bin/cat"];
/// Room for the trace on each processor, KiB.
const BUFFER_KB: u32 = 16384;
/// Bytes of data: small enough to be written soon, large enough for random reads to
/// be far apart.
const DATA: u64 = 64 << 20;

/// Boot, run each workload under `noop`, write down what happened.
pub fn run(args: &RecordArgs, steps: &Steps) -> Result<()> {
    // A file that cannot be written is better known now than in a minute.
    fs::write(&args.output, "").with_context(|| format!("writing {}", args.output.display()))?;
    let step = |text: &str| steps.step(text);
    let noop = policy::object("noop", &step)?;
    let object = GuestObject {
        guest: GUEST_OBJECT.into(),
        host: noop.path().to_path_buf(),
        executable: false,
    };
    let setup = Setup {
        kernel: args.kernel.choice(),
        objects: vec![object],
        programs: PROGRAMS.map(PathBuf::from).into(),
        ..Setup::default()
    };
    let mut engine = Engine::start_with(setup, &step)?;
    let device = Device { profile: args.device, fs: args.fs, data_bytes: DATA };
    engine.set_up(device, &step)?;
    engine.attach(GUEST_OBJECT, &BTreeMap::new(), &step)?;
    prepare(&mut engine)?;
    let specs = specs(args);
    steps.count("recording", specs.len() as u64);
    let mut runs = Vec::new();
    for spec in specs {
        runs.push(record(&mut engine, spec)?);
        steps.part(spec.workload.name());
    }
    let kernel = engine.release().to_owned();
    engine.stop()?;
    let about = About { raext_recording: FORMAT, kernel, device };
    Recording { about, runs }.write(&args.output)?;
    steps.finish();
    println!("{}", args.output.display());
    Ok(())
}

/// What is run, in order: each round all workloads, of another size and seed.
fn specs(args: &RecordArgs) -> Vec<WorkloadSpec> {
    const USUAL: [Workload; 4] =
        [Workload::SeqRead, Workload::RandomRead, Workload::MmapSeq, Workload::MmapRandom];
    let workloads = if args.workloads.is_empty() { &USUAL[..] } else { &args.workloads };
    let round =
        |round: u32| workloads.iter().map(move |workload| spec(*workload, args.seed, round));
    (0..args.rounds).flat_map(round).collect()
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

/// A page of a mapping that is touched faults by itself, so that it is told of.
fn prepare(engine: &mut Engine) -> Result<()> {
    let events = trace::TRACEPOINTS.map(|event| format!("test -d $T/events/{event} || exit 9\n"));
    sh(
        engine,
        &format!(
            "T=/sys/kernel/tracing\n{}echo {BUFFER_KB} > $T/buffer_size_kb\n\
             echo 4096 > /sys/kernel/debug/fault_around_bytes",
            events.concat()
        ),
    )
    .context("this kernel does not tell of accesses")?;
    Ok(())
}

fn record(engine: &mut Engine, spec: WorkloadSpec) -> Result<Run> {
    let switch = |on: u8| {
        let each =
            trace::TRACEPOINTS.map(|event| format!("echo {on} > $T/events/{event}/enable\n"));
        format!("T=/sys/kernel/tracing\n{}", each.concat())
    };
    sh(engine, &format!("{}echo > $T/trace", switch(1)))?;
    engine.run(spec, &|_| {})?;
    let text = sh(engine, &format!("{}cat $T/trace", switch(0)))?;
    let events = trace::parse(&text)?;
    if events.is_empty() {
        bail!("{}: the kernel told of no decision", spec.workload);
    }
    Ok(Run { spec, events })
}

fn sh(engine: &mut Engine, script: &str) -> Result<String> {
    let (status, said, error) = engine.exec(&["sh", "-c", script], &|_| {})?;
    if status != 0 {
        bail!("in the microVM, status {status}: {}", error.trim());
    }
    Ok(said)
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
}
