// SPDX-License-Identifier: GPL-2.0-only
//! Policies as only tests use them: one that is known to pass, and swapped.

use raext_bpf::load::{Attached, Swapped};
use raext_guest::parts::{Context, attach};
use raext_model::{Failure, LoadOutcome, Placement, Silent};
use std::collections::BTreeMap;
use std::path::Path;

/// As [`attach`], for a policy that is known to pass.
///
/// # Errors
/// When it does not, too.
pub(super) fn attach_known(object: &str) -> Result<Attached, Failure> {
    attach(object, &BTreeMap::new(), &Placement::default())?.map_err(|outcome| Failure {
        what: format!("attach {object}"),
        why: format!("it was refused:\n{}", outcome.log),
    })
}

/// Detach a policy, and attach it anew.
///
/// # Errors
/// When something else holds the link.
pub(super) fn attach_again(attached: Attached) -> Result<Attached, Failure> {
    let name = attached.name().to_owned();
    attached.attach_again(&Silent).context(|| format!("attach {name} again"))
}

/// Put another policy into the place of one.
///
/// # Errors
/// When it cannot be done for another reason than the verifier's verdict.
pub(super) fn swap(
    attached: &mut Attached,
    object: &str,
    set: &BTreeMap<String, String>,
) -> Result<LoadOutcome, Failure> {
    let swapped = attached.swap(Path::new(object), set).context(|| format!("swap {object}"))?;
    Ok(match swapped {
        Swapped::Done(_) => LoadOutcome::accepted(),
        Swapped::Refused(outcome) => outcome,
    })
}
