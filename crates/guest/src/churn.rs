// SPDX-License-Identifier: GPL-2.0-only
//! Coming and going under load: a policy, or the module with it, again and again
//! while readers read and fault.

use crate::error::Context;
use crate::workload::Stage;
use crate::{modules, policy, unload};
use raext_model::Failure;
use raext_model::requests::testing::{Churn, ChurnKind};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a policy decides before it goes again: long enough for the readers
/// to be in the middle of its decisions.
const DECIDES_FOR: Duration = Duration::from_millis(20);
/// How long it waits to be asked at all: a kernel that watches itself is slow.
const ASKED_WITHIN: Duration = Duration::from_secs(2);

/// Repeat; every byte that the readers read is verified.
///
/// # Errors
/// When a step or a reader fails.
pub fn run(churn: &Churn, stage: &Stage, progress: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let readers = stage.readers(churn.readers).context(|| "start the readers".into())?;
    let mut decisions = 0;
    let mut last = Instant::now();
    for cycle in 0..churn.cycles {
        if churn.kind == ChurnKind::Module {
            modules::load_ours()?;
        }
        let attached = policy::attach_known(&churn.object)?;
        decisions += decide();
        policy::detach(attached)?;
        if churn.kind == ChurnKind::Module {
            unload::unload_released()?;
        }
        if last.elapsed() > Duration::from_secs(1) {
            progress(&format!("cycle {} of {}", cycle + 1, churn.cycles));
            last = Instant::now();
        }
    }
    let report = readers.stop().context(|| "read meanwhile".into())?;
    progress(&format!(
        "{} cycles, {decisions} decisions, {} accesses, {} MiB read",
        churn.cycles,
        report.ops,
        report.bytes >> 20
    ));
    if decisions == 0 {
        return Err(Failure {
            what: "repeat under load".into(),
            why: "no policy was ever asked: there was no load".into(),
        });
    }
    Ok(())
}

/// Let the attached policy decide; how often it was asked.
fn decide() -> u64 {
    let start = Instant::now();
    loop {
        sleep(DECIDES_FOR);
        let decisions = policy::decisions();
        if decisions > 0 || start.elapsed() > ASKED_WITHIN {
            return decisions;
        }
    }
}
