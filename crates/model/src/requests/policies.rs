// SPDX-License-Identifier: GPL-2.0-only
//! Requests about policies.

use crate::{LoadOutcome, Placement, request};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counters by kind of event (`miss`, `mark`, `fault`) and by name.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// Load a policy into the kernel's verifier, without attaching it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The object file.
    pub object: String,
    /// Tunables to set before loading.
    pub set: BTreeMap<String, String>,
}
request!(Check, "check" => LoadOutcome);

/// Load and attach a policy beside those that are attached. It stays until
/// [`Detach`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// The object file.
    pub object: String,
    /// Tunables to set before loading.
    pub set: BTreeMap<String, String>,
    /// Where the policy decides.
    #[serde(default)]
    pub placement: Placement,
}
request!(Attach, "attach" => LoadOutcome);

/// Detach all attached policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detach;
request!(Detach, "detach" => ());

/// Turn the timing of policies' callbacks on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetTiming {
    /// On or off.
    pub on: bool,
}
request!(SetTiming, "set_timing" => ());

/// Read the counters of all attached policies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCounters;
request!(ReadCounters, "read_counters" => Counts);
