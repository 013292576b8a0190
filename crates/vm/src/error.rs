// SPDX-License-Identifier: GPL-2.0-only
//! Why the microVM could not be had or did not do what it was asked.

use raext_model::{Classified, Failure, Kind};
use std::path::PathBuf;
use thiserror::Error;

/// The errors of a microVM and its agent.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The project's own files are not where they are looked for.
    #[error("{place} holds no {marker}: run inside of a checkout, or set RAEXT_ROOT to one")]
    NoCheckout {
        /// Where it was looked for.
        place: String,
        /// The file that marks a checkout.
        marker: &'static str,
    },
    /// The agent was not built.
    #[error("the agent of the microVM is not built (no {}): run `make build`", .0.display())]
    NoAgent(PathBuf),
    /// The kernel or the module.
    #[error("{0}")]
    Kernel(#[from] raext_kernel::KernelError),
    /// The machine.
    #[error("{0}")]
    Vm(#[from] crate::machine::VmError),
    /// The agent could not carry out a request.
    #[error("in the microVM: {0}")]
    Agent(#[from] Failure),
    /// A policy that was to be attached was refused.
    #[error("the policy {0} was refused: `raext check` on it gives the reason")]
    Refused(String),
}

impl Classified for SessionError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoCheckout { .. } | Self::NoAgent(_) => Kind::Environment,
            Self::Kernel(error) => error.kind(),
            Self::Vm(error) => error.kind(),
            Self::Agent(_) | Self::Refused(_) => Kind::Refused,
        }
    }
}
