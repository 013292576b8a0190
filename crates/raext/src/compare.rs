// SPDX-License-Identifier: GPL-2.0-only
//! `raext compare`: policies against the kernel's own readahead, on patterns of access.

use crate::args::CompareArgs;
use crate::contenders::policies;
use crate::exit::{Exit, Result};
use crate::shown::measured;
use crate::steps::Steps;
use raext_measure::experiment::{Attach, Contender, MicroVms, Plan, SlowRule, Store as _};
use raext_measure::plans::patterns;
use raext_measure::report::{Html, Json, Render, Report, Terminal, View};
use raext_model::{Device, IoExt as _, Workload};
use std::fs;
use std::path::Path;
use std::rc::Rc;

/// The shipped policies that show what can be gained and lost.
const DEFAULT_POLICIES: [&str; 3] = ["auto", "wide", "lean"];
/// Large enough for random accesses to be far apart, bytes.
const DATA_BYTES: u64 = 256 << 20;

/// Measure and show.
pub(crate) fn run(args: &CompareArgs, steps: &Rc<Steps>) -> Result<Exit> {
    let plan = plan(args, steps)?;
    // An output file that cannot be written is reported before the measurement.
    for path in [&args.json, &args.html].into_iter().flatten() {
        if path != Path::new("-") {
            fs::write(path, "").given("writing", path)?;
        }
    }
    let store = measured(plan, MicroVms::default(), steps)?;
    let report = Report::of(store.known(), SlowRule::COMPARISON, &[]);
    let json = Json(View::Comparison);
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => println!("{}", json.render(&report)),
        path => {
            print!("{}", Terminal(View::Comparison).render(&report));
            if let Some(path) = path {
                write(path, &json, &report, "raw measurements")?;
            }
        }
    }
    if let Some(path) = &args.html {
        write(path, &Html(View::Comparison), &report, "page with charts")?;
    }
    if report.is_flawed() {
        eprintln!("raext: some cells failed or brought wrong data: see the table");
        return Ok(Exit::Refused);
    }
    Ok(Exit::Done)
}

fn write(path: &Path, as_: &dyn Render, report: &Report<'_>, what: &str) -> Result<()> {
    fs::write(path, as_.render(report)).given("writing", path)?;
    eprintln!("raext: {what}: {}", path.display());
    Ok(())
}

/// Patterns on one device under the kernel and the policies.
fn plan(args: &CompareArgs, steps: &Rc<Steps>) -> Result<Plan> {
    let given: Vec<String> = match &args.policies[..] {
        [] => DEFAULT_POLICIES.map(String::from).to_vec(),
        given => given.to_vec(),
    };
    let policies = policies(&given, &args.kernel.choice(), steps)?;
    let workloads = match &args.workloads[..] {
        [] => Workload::ALL.to_vec(),
        given => given.to_vec(),
    };
    let device = Device { profile: args.device, fs: args.fs, data_bytes: DATA_BYTES };
    Ok(Plan {
        works: patterns(device, workloads.into_iter().map(Workload::default_spec).collect()),
        contenders: [Contender::Kernel].into_iter().chain(policies).collect(),
        repeats: args.repeat,
        floor: false,
        attach: Attach::PerSweep,
        slow: SlowRule::COMPARISON,
        boots: 2,
        kernel: args.kernel.choice(),
        command: command(args, &given),
    })
}

/// The command line without its output files, to be given again.
fn command(args: &CompareArgs, policies: &[String]) -> String {
    let mut words = vec!["raext compare".to_owned()];
    words.extend(policies.iter().map(|policy| format!("--policy {policy}")));
    words.extend(args.workloads.iter().map(|workload| format!("--workload {workload}")));
    words.push(format!("--device {} --fs {} --repeat {}", args.device, args.fs, args.repeat));
    if let Some(kernel) = &args.kernel.kernel {
        words.push(format!("--kernel {kernel}"));
    }
    if args.kernel.untested {
        words.push("--untested".to_owned());
    }
    words.join(" ")
}
