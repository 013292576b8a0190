// SPDX-License-Identifier: GPL-2.0-only
//! Workloads at the same time on one device, each in a cgroup of its own.

use crate::agent::worker::{Job, Order, Word, Worker};
use crate::agent::{cgroup, stage};
use crate::requests::GroupRun;
use raext_guest::parts::{Cgroup, Context, Stage};
use raext_model::{Failure, Sample};

/// Run them, with what the device read for each cgroup.
///
/// # Errors
/// When one cannot be run.
pub(super) fn run(on: &Stage, runs: &[GroupRun]) -> Result<Vec<Sample>, Failure> {
    let number = on.device_number().context(|| "find the device".into())?;
    let reads = |run: &GroupRun| {
        let reads = cgroup::device_reads(&Cgroup::named(&run.cgroup), &number);
        reads.context(|| format!("ask cgroup {}", run.cgroup))
    };
    let targets = stage::copies(on, runs.len()).context(|| "make a file for each".into())?;
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
    on.chill().context(|| "drop the caches".into())?;
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
