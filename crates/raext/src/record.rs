// SPDX-License-Identifier: GPL-2.0-only
//! `raext record`: the accesses of applications and the decisions meanwhile, as a file
//! to train a tree with.

use crate::args::RecordArgs;
use crate::contenders::policy;
use crate::exit::{Exit, Result};
use crate::shown::{flaws, measured};
use crate::steps::Steps;
use raext_measure::experiment::{MicroVms, Store as _};
use raext_measure::learn::{About, FORMAT, Recording};
use raext_measure::plans::{record, recorded_device};
use raext_model::{IoExt as _, Workload};
use std::fs;
use std::rc::Rc;

const USUAL: [Workload; 4] =
    [Workload::SeqRead, Workload::RandomRead, Workload::MmapSeq, Workload::MmapRandom];

/// Run each workload under `noop`, write down what happened.
pub(crate) fn run(args: &RecordArgs, steps: &Rc<Steps>) -> Result<Exit> {
    // An output file that cannot be written is reported before the measurement.
    fs::write(&args.output, "").given("writing", &args.output)?;
    let workloads = if args.workloads.is_empty() { &USUAL[..] } else { &args.workloads };
    let device = recorded_device(args.device, args.fs);
    let kernel = args.kernel.choice();
    let noop = policy("noop", &kernel, steps)?;
    let (plan, recorded) = record(noop, workloads, (args.rounds, args.seed), device, kernel);
    let store = measured(plan, MicroVms::default(), steps)?;
    let exit = flaws(store.known());
    let kernel = store.known().header.kernel.clone();
    let about = About { raext_recording: FORMAT, kernel, device };
    Recording { about, runs: recorded.take() }.write(&args.output)?;
    println!("{}", args.output.display());
    Ok(exit)
}
