// SPDX-License-Identifier: GPL-2.0-only
//! What an application sees that reads all of the data, errors included.

use crate::agent::reads;
use crate::agent::worker::{Job, Order, Word, Worker};
use crate::requests::{Outcome, ReadBy, ReadFailure, Sight};
use raext_guest::parts::{Context, PAGE, Stage, Target, decisions};
use raext_model::Failure;
use std::os::unix::process::ExitStatusExt as _;

/// Read, from a cold cache.
///
/// # Errors
/// When something else goes wrong than what the device was made to do.
pub(super) fn read_all(stage: &Stage, by: ReadBy) -> Result<Sight, Failure> {
    stage.chill().context(|| "drop the caches".into())?;
    let decided = decisions();
    let sight = match by {
        ReadBy::Read { op_bytes } => reads::read_all(stage.target(), op_bytes),
        ReadBy::Mapping => Ok(touch_all(stage.target())?),
    };
    let mut sight = sight.context(|| "read the data".into())?;
    sight.decisions = decisions().saturating_sub(decided);
    Ok(sight)
}

/// Touch every page; a worker for each run of pages between two signals.
fn touch_all(target: &Target) -> Result<Sight, Failure> {
    let mut sight = Sight { bytes: target.data_bytes, ..Sight::default() };
    let mut from = 0;
    while from < target.data_bytes {
        let job = Job::Touch { target: target.clone(), from };
        let mut worker = Worker::start(&Order { cgroup: None, job })?;
        let mut last = None;
        loop {
            match worker.next()? {
                Some(Word::Progress(text)) => last = text.parse::<u64>().ok(),
                Some(Word::Done) => return Ok(sight),
                Some(Word::Failed(failure)) => return Err(failure),
                Some(_) => return Err(worker.lost()),
                None => break,
            }
        }
        let (Some(offset), Some(signal)) = (last, worker.wait()?.signal()) else {
            return Err(worker.lost());
        };
        sight.failures.push(ReadFailure { offset, outcome: Outcome::Signal(signal) });
        sight.bytes -= PAGE.min(target.data_bytes - offset);
        from = offset + PAGE;
    }
    Ok(sight)
}
