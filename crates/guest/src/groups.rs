// SPDX-License-Identifier: GPL-2.0-only
//! Workloads at the same time on one device, each in a cgroup of its own.

use crate::error::Context;
use crate::worker::{Job, Order, Word, Worker};
use crate::workload::{Cgroup, Stage};
use raext_model::requests::testing::GroupRun;
use raext_model::{Failure, Sample};

/// Run them, with what the device read for each cgroup.
///
/// # Errors
/// When one cannot be run.
pub fn run(stage: &Stage, runs: &[GroupRun]) -> Result<Vec<Sample>, Failure> {
    let number = stage.device_number().context(|| "find the device".into())?;
    let reads = |run: &GroupRun| {
        let reads = Cgroup::named(&run.cgroup).device_reads(&number);
        reads.context(|| format!("ask cgroup {}", run.cgroup))
    };
    let targets = stage.copies(runs.len()).context(|| "make a file for each".into())?;
    let mut workers = Vec::new();
    for (run, target) in runs.iter().zip(targets) {
        let job = Job::Run { target, spec: run.spec };
        let mut worker = Worker::start(&Order { cgroup: Some(run.cgroup.clone()), job })?;
        match worker.next()? {
            Some(Word::Progress(_)) => workers.push(worker),
            Some(Word::Failed(failure)) => return Err(failure),
            _ => return Err(worker.lost()),
        }
    }
    stage.chill().context(|| "drop the caches".into())?;
    let before = runs.iter().map(reads).collect::<Result<Vec<_>, _>>()?;
    for worker in &mut workers {
        worker.begin()?;
    }
    let mut samples: Vec<Sample> = Vec::new();
    for worker in &mut workers {
        match worker.next()? {
            Some(Word::Sample(sample)) => samples.push(sample),
            Some(Word::Failed(failure)) => return Err(failure),
            _ => return Err(worker.lost()),
        }
    }
    for ((run, before), sample) in runs.iter().zip(before).zip(&mut samples) {
        let after = reads(run)?;
        sample.device_reads = after.requests - before.requests;
        sample.device_bytes = after.bytes - before.bytes;
    }
    Ok(samples)
}
