// SPDX-License-Identifier: GPL-2.0-only
//! Policies: checked, attached, detached.

use crate::error::Context;
use raext_bpf::load::{Attached, Attempt};
use raext_model::requests::Counts;
use raext_model::{Failure, LoadOutcome, Placement, Silent};
use std::collections::BTreeMap;
use std::path::Path;

/// Tunables, by name.
type Set = BTreeMap<String, String>;

/// The verdict of this kernel, without attaching.
///
/// # Errors
/// When there can be none: the object is no policy, the module is missing.
pub(crate) fn check(object: &str, set: &Set) -> Result<LoadOutcome, Failure> {
    raext_bpf::load::check(Path::new(object), set).context(|| format!("check {object}"))
}

/// Attach a policy; `Err` in the result is the verifier's verdict.
///
/// # Errors
/// When it cannot be attached for another reason.
pub fn attach(
    object: &str,
    set: &Set,
    placement: &Placement,
) -> Result<Result<Attached, LoadOutcome>, Failure> {
    let attempt = raext_bpf::load::attach(Path::new(object), set, placement);
    Ok(match attempt.context(|| format!("attach {object}"))? {
        Attempt::Attached(attached) => Ok(attached),
        Attempt::Refused(outcome) => Err(outcome),
    })
}

/// Detach, and wait until the kernel has released the policy's scope.
///
/// # Errors
/// When something else holds the link.
pub fn detach(attached: Attached) -> Result<(), Failure> {
    let name = attached.name().to_owned();
    attached.detach(&Silent).context(|| format!("detach {name}"))
}

/// Decisions that all policies were asked for so far; 0 without the module.
pub fn decisions() -> u64 {
    raext_bpf::load::decisions()
}

/// The module's parameter that has the time in callbacks counted.
const TIMING: &str = "/sys/module/readahead_ext/parameters/timing";

/// Turn the count of the time in callbacks on or off.
///
/// # Errors
/// When the module is not there.
pub(crate) fn set_timing(on: bool) -> Result<(), Failure> {
    let word = if on { "Y" } else { "N" };
    std::fs::write(TIMING, word).context(|| format!("write {TIMING}"))
}

/// The counters of all attached policies, by the kind of event.
pub(crate) fn counts() -> Counts {
    let mut counts = Counts::new();
    for row in raext_bpf::load::counters().into_iter().flatten() {
        let sums = counts.entry(row.event).or_default();
        for (name, count) in row.counts {
            *sums.entry(name).or_default() += count;
        }
    }
    counts
}
