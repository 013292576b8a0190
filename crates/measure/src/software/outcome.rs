// SPDX-License-Identifier: GPL-2.0-only
//! From a program's end to the outcome of a run.

use crate::experiment::{Outcome, Part};
use raext_model::Ran;

pub(crate) fn part(name: &str, ns: u64, ops: u64) -> Part {
    Part { name: name.to_owned(), ns, ops }
}

pub(crate) fn outcome(ran: &Ran, parts: Vec<Part>, answer: String) -> Outcome {
    Outcome {
        parts,
        device_reads: ran.device_reads,
        device_bytes: ran.device_bytes,
        decisions: ran.decisions(),
        answer,
        bytes: 0,
        cpu_ns: 0,
    }
}
