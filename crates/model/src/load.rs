// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's answer to a policy that is loaded.

use serde::{Deserialize, Serialize};

/// The verdict of a kernel on a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadOutcome {
    /// Whether the policy was loaded, and attached where that was asked.
    pub accepted: bool,
    /// The error number of the refused step, 0 if accepted.
    pub errno: i32,
    /// The messages of libbpf and, in them, the verifier's log.
    pub log: String,
}

impl LoadOutcome {
    /// The outcome of an accepted policy.
    pub fn accepted() -> Self {
        Self { accepted: true, errno: 0, log: String::new() }
    }
}
