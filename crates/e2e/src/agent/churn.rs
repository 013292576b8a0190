// SPDX-License-Identifier: GPL-2.0-only
//! Coming and going under load: a policy, or the module with it, again and again
//! while readers read and fault.

use crate::agent::policy::{attach_again, attach_known};
use crate::agent::readers::Readers;
use crate::agent::unload::unload_released;
use crate::requests::{Churn, ChurnKind};
use raext_guest::parts::{Context, Stage, decisions, detach, load_ours};
use raext_model::Failure;
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
pub(super) fn run(
    churn: &Churn,
    stage: &Stage,
    progress: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let readers =
        Readers::start(stage.target(), churn.readers).context(|| "start the readers".into())?;
    let mut decided = 0;
    let mut last = Instant::now();
    // The program is loaded once: the kernel hooks its functions and frees them each time.
    let mut attached = None;
    for cycle in 0..churn.cycles {
        match churn.kind {
            ChurnKind::Module => {
                load_ours()?;
                let attached = attach_known(&churn.object)?;
                decided += decide();
                detach(attached)?;
                unload_released()?;
            }
            ChurnKind::Attach => {
                attached = Some(match attached.take() {
                    None => attach_known(&churn.object)?,
                    Some(before) => attach_again(before)?,
                });
                decided += decide();
            }
        }
        if last.elapsed() > Duration::from_secs(1) {
            progress(&format!("cycle {} of {}", cycle + 1, churn.cycles));
            last = Instant::now();
        }
    }
    attached.map_or(Ok(()), detach)?;
    let report = readers.stop().context(|| "read meanwhile".into())?;
    progress(&format!(
        "{} cycles, {decided} decisions, {} accesses, {} MiB read",
        churn.cycles,
        report.ops,
        report.bytes >> 20
    ));
    if decided == 0 {
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
        let decided = decisions();
        if decided > 0 || start.elapsed() > ASKED_WITHIN {
            return decided;
        }
    }
}
