// SPDX-License-Identifier: GPL-2.0-only
//! From a plan to measurements.

use super::plan::{Plan, Policy};
use crate::steps::Steps;
use anyhow::Result;
use raext_measure::report::{About, Comparison};
use raext_vm::{Engine, EngineError, GuestObject};
use std::process::Command;
use std::thread::available_parallelism;

/// Boot, measure everything, switch off.
pub fn measure(plan: &Plan, steps: &Steps) -> Result<Comparison> {
    let step = |text: &str| steps.step(text);
    let objects = plan.policies.iter().map(|policy| GuestObject {
        guest: policy.guest.clone(),
        host: policy.object.clone(),
        executable: false,
    });
    let mut engine = Engine::start(&plan.kernel, objects.collect(), &[], &step)?;
    engine.set_up(plan.device, &step)?;
    let columns = plan.policies.iter().map(|policy| policy.column.clone()).collect();
    let mut comparison = Comparison::new(about(plan, &engine), columns, &plan.specs);
    let per_repeat = plan.specs.len() * (plan.policies.len() + 1);
    steps.count("measuring", per_repeat as u64 * u64::from(plan.repeats));
    for repeat in 0..plan.repeats {
        // Who comes first changes with each repeat, so that a drift of the
        // machine does not favour anyone.
        let columns = plan.policies.len() + 1;
        for turn in 0..columns {
            let column = (turn + repeat as usize) % columns;
            let policy = column.checked_sub(1).map(|at| &plan.policies[at]);
            measure_column(plan, &mut engine, policy, &mut comparison, (repeat, column), steps)?;
        }
    }
    engine.stop()?;
    Ok(comparison)
}

/// Every workload once, under one policy or none.
fn measure_column(
    plan: &Plan,
    engine: &mut Engine,
    policy: Option<&Policy>,
    comparison: &mut Comparison,
    (repeat, column): (u32, usize),
    steps: &Steps,
) -> Result<()> {
    let quiet = |_: &str| {};
    let label = comparison.columns[column].label();
    if let Some(policy) = policy {
        engine.attach(&policy.guest, &policy.column.set, &quiet).map_err(|error| match error {
            EngineError::Refused(_) => EngineError::Refused(label.clone()),
            other => other,
        })?;
    }
    // Another workload comes first each time, so that none of them is always
    // the one that follows an attachment.
    let rows = plan.specs.len();
    for turn in 0..rows {
        let row = (turn + repeat as usize) % rows;
        let spec = &plan.specs[row];
        if is_hopeless(comparison, row, column) {
            steps.part(&format!("{} with {label} (slow enough)", spec.workload));
            continue;
        }
        let outcome = match engine.run(*spec, &quiet) {
            Ok(sample) => Ok(sample),
            // The machine is alive: the cell failed, the rest goes on.
            Err(EngineError::Agent(failure)) => Err(failure.to_string()),
            Err(error) => return Err(error.into()),
        };
        comparison.record(row, repeat, column, outcome);
        steps.part(&format!("{} with {label}", spec.workload));
    }
    if policy.is_some() {
        engine.detach(&quiet)?;
    }
    Ok(())
}

/// Whether one run of a cell said it all: repeating it would take minutes and
/// tell nothing new.
fn is_hopeless(comparison: &Comparison, row: usize, column: usize) -> bool {
    const FACTOR: f64 = 10.0;
    let median = |column| comparison.cell(row, column).map(|cell| cell.median_ns);
    matches!((median(0), median(column)), (Some(kernel), Some(own)) if own > FACTOR * kernel)
}

fn about(plan: &Plan, engine: &Engine) -> About {
    About {
        command: plan.command.clone(),
        date: date(),
        kernel: engine.release().to_owned(),
        accelerator: engine.accelerator(),
        host_cpus: available_parallelism().map_or(0, |n| n.get() as u32),
        device: plan.device,
        repeats: plan.repeats,
    }
}

/// The day and the time; the standard library has no calendar.
fn date() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    output.map_or_else(
        |_| "unknown".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
