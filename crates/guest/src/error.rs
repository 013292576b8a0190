// SPDX-License-Identifier: GPL-2.0-only
//! What goes wrong in the guest, in the form that travels to the host.

use raext_model::{Failure, WireError};
use std::fmt::Display;
use thiserror::Error;

/// Why the agent cannot go on.
#[derive(Debug, Error)]
pub(crate) enum AgentError {
    /// The guest cannot be set up.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The host is gone or not understood.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Says which step an error belongs to.
pub trait Context<T> {
    /// The error as a [`Failure`] of the step `what`.
    ///
    /// # Errors
    /// When `self` is one.
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure { what: what(), why: error.to_string() })
    }
}
