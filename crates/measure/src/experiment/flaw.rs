// SPDX-License-Identifier: GPL-2.0-only
//! Why a run has no outcome. The cell is marked with it, and the plan goes on.

use raext_model::{Classified as _, Kind};
use raext_vm::SessionError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const LOST: &str = "the machine ended: ";

/// The reason, by what can be done about it. A store keeps its text.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Flaw {
    /// The run failed, or it brought a wrong answer.
    #[error("{0}")]
    Failed(String),
    /// The work cannot be run here: a package, a program or a file system is missing.
    #[error("{0}")]
    Lacking(String),
    /// The machine ended meanwhile.
    #[error("{LOST}{0}")]
    Lost(String),
}

impl From<SessionError> for Flaw {
    fn from(error: SessionError) -> Self {
        let text = error.to_string();
        match error {
            SessionError::Vm(_) => Self::Lost(text),
            _ if error.kind() == Kind::Environment => Self::Lacking(text),
            _ => Self::Failed(text),
        }
    }
}

impl From<String> for Flaw {
    fn from(text: String) -> Self {
        match text.strip_prefix(LOST) {
            Some(why) => Self::Lost(why.to_owned()),
            None => Self::Failed(text),
        }
    }
}

impl From<Flaw> for String {
    fn from(flaw: Flaw) -> Self {
        flaw.to_string()
    }
}
