// SPDX-License-Identifier: GPL-2.0-only
//! Steps of system calls, done by a worker that is given up after a time.

mod fuse;
mod steps;

pub(super) use steps::run;

use crate::agent::worker::{Job, Order, Word, Worker};
use crate::requests::{Act, Acted};
use raext_model::Failure;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Have a worker do the steps.
///
/// # Errors
/// When one cannot be done.
pub(super) fn act(act: Act) -> Result<Acted, Failure> {
    let within = Duration::from_millis(act.within_ms);
    let order = Order { cgroup: act.cgroup, job: Job::Steps { steps: act.steps } };
    let mut worker = Worker::start(&order)?;
    let kill = worker.killer();
    let (ended, end) = channel::<()>();
    let watch = thread::spawn(move || {
        let hung = end.recv_timeout(within) == Err(RecvTimeoutError::Timeout);
        if hung {
            // A task that waits for the server heeds no signal.
            fuse::abort();
            kill();
        }
        hung
    });
    let mut done = Vec::new();
    let outcome = loop {
        match worker.next() {
            Ok(Some(Word::Did(did))) => done.push(did),
            Ok(Some(Word::Done)) => break Ok(false),
            Ok(Some(Word::Failed(failure))) => break Err(failure),
            Ok(None) => break Ok(true),
            Ok(Some(_)) => break Err(worker.lost()),
            Err(failure) => break Err(failure),
        }
    };
    drop(ended);
    let hung = watch.join().is_ok_and(|hung| hung);
    let lost = outcome? && !hung;
    if lost {
        return Err(worker.lost());
    }
    drop(worker);
    fuse::abort();
    Ok(Acted { done, hung })
}
