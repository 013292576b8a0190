// SPDX-License-Identifier: GPL-2.0-only
//! From a load's outcome to a verdict that a policy's author can act on.

use crate::object::PolicyObject;
use crate::verdict::log::Log;
use crate::verdict::place::Sources;
use crate::verdict::rules::{self, Evidence};
use crate::verdict::{Cause, Place, register};
use raext_model::LoadOutcome;
use serde::Serialize;
use std::path::PathBuf;

/// How many of the log's last lines stand for it where its cause is not known.
const TAIL: usize = 8;

/// The facts about the object file that an explanation needs.
pub struct Facts<'a> {
    /// The policy's name.
    pub name: &'a str,
    /// Its callbacks.
    pub callbacks: &'a [String],
    /// The source files, as the compiler named them.
    pub sources: &'a [String],
    /// The field at a byte offset of the state, as the policy was compiled.
    pub state_field: &'a dyn Fn(usize) -> Option<String>,
    /// A function with an argument that has no name.
    pub unnamed_argument: Option<&'a str>,
    /// Whether it looks as if compiled without optimisation.
    pub unoptimised: bool,
}

/// The verdict on a policy. Its `Display` is what the command prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the kernel takes the policy.
    pub accepted: bool,
    /// The policy's name.
    pub policy: String,
    /// The callbacks that it provides.
    pub callbacks: Vec<String>,
    /// Why it was refused; `None` if it was not.
    pub cause: Option<Cause>,
    /// The cause in one line.
    pub headline: Option<String>,
    /// Where in the source.
    pub place: Option<Place>,
    /// The register or argument at fault, in words.
    pub fault: Option<String>,
    /// The kernel's or libbpf's own words.
    pub complaint: Option<String>,
    /// The remedy.
    pub help: Option<String>,
    /// The log's last lines, where the cause is not known.
    pub tail: Vec<String>,
}

/// Explain the outcome of a load. `roots` are the folders where its
/// sources may be (the policy's own first), besides where they were compiled.
pub fn explain(outcome: &LoadOutcome, object: &PolicyObject, roots: &[PathBuf]) -> Verdict {
    let facts = Facts {
        name: object.name(),
        callbacks: object.callbacks(),
        sources: object.sources(),
        state_field: &|offset| object.state_field(offset).map(str::to_owned),
        unnamed_argument: object.unnamed_argument(),
        unoptimised: object.looks_unoptimised(),
    };
    explain_with(outcome, &facts, roots)
}

/// As [`explain`], where the object file is not at hand.
pub fn explain_with(outcome: &LoadOutcome, facts: &Facts<'_>, roots: &[PathBuf]) -> Verdict {
    let accepted = Verdict {
        accepted: true,
        policy: facts.name.to_owned(),
        callbacks: facts.callbacks.to_vec(),
        cause: None,
        headline: None,
        place: None,
        fault: None,
        complaint: None,
        help: None,
        tail: Vec::new(),
    };
    if outcome.accepted {
        return accepted;
    }
    let log = Log::parse(&outcome.log);
    let (cause, finding) = rules::find(&Evidence { log: &log, facts, errno: outcome.errno });
    let sources = Sources { names: facts.sources, roots };
    let by_text = || sources.containing(finding.needle.as_deref()?);
    Verdict {
        accepted: false,
        cause: Some(cause),
        place: sources.nearest(log.annotations()).or_else(by_text),
        fault: register::at_fault(&log),
        complaint: log.complaint.map(str::to_owned),
        headline: Some(finding.headline),
        help: Some(finding.help),
        tail: if cause == Cause::Other { tail(&log) } else { Vec::new() },
        ..accepted
    }
}

fn tail(log: &Log<'_>) -> Vec<String> {
    let lines = if log.lines.is_empty() { &log.libbpf } else { &log.lines };
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
}
