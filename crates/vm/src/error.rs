// SPDX-License-Identifier: GPL-2.0-only
//! Why the microVM could not be had or did not do what it was asked.

use raext_model::{Failure, Reply};
use std::path::PathBuf;
use thiserror::Error;

/// What went wrong.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The project's own files are not where they are looked for.
    #[error("{place} holds no {marker}: run inside of a checkout, or set RAEXT_ROOT to one")]
    NoCheckout {
        /// Where it was looked for.
        place: String,
        /// What a checkout is known by.
        marker: &'static str,
    },
    /// The agent was not built.
    #[error("the agent of the microVM is not built (no {}): run `make build`", .0.display())]
    NoAgent(PathBuf),
    /// The kernel or the module.
    #[error(transparent)]
    Kernel(#[from] raext_kernel::KernelError),
    /// The machine.
    #[error(transparent)]
    Vm(#[from] crate::machine::VmError),
    /// The agent could not carry out a request.
    #[error("in the microVM: {0}")]
    Agent(#[from] Failure),
    /// The agent answered something else than was asked.
    #[error("the agent answered {answer:?} to a request for {asked}")]
    Unexpected {
        /// What was asked.
        asked: &'static str,
        /// What came.
        answer: Box<Reply>,
    },
    /// A policy that was to be attached was refused.
    #[error("the policy {0} was refused: `raext check` on it gives the reason")]
    Refused(String),
}

impl EngineError {
    /// Whether the environment lacks something (exit status 69), rather than
    /// an input being refused (1).
    pub fn is_environment(&self) -> bool {
        match self {
            Self::NoCheckout { .. } | Self::NoAgent(_) => true,
            Self::Kernel(error) => error.is_environment(),
            Self::Vm(error) => error.is_environment(),
            Self::Agent(_) | Self::Unexpected { .. } | Self::Refused(_) => false,
        }
    }
}
