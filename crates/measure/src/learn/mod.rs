// SPDX-License-Identifier: GPL-2.0-only
//! From what was recorded to a decision tree for the policy `tree`: the trace
//! becomes a recording ([`trace`], [`Recording`]), each of its decisions an example
//! with the costs of every window ([`examples()`]), and the examples a tree
//! ([`train`]), which is written as Rust ([`source()`]).

pub mod economics;
mod error;
mod examples;
mod fit;
mod recording;
mod source;
pub mod trace;

pub use error::LearnError;
pub use examples::{Example, examples};
pub use fit::{Model, Node, Score, train};
pub use recording::{About, Event, FORMAT, Recording, Run};
pub use source::{readable, source};

/// A tree from a recording: trained with all but the last run of each workload, which
/// are held out. The tree, and how it does on both.
///
/// # Errors
/// When there is too little to learn from.
pub fn learn(recording: &Recording) -> Result<Outcome, LearnError> {
    let all = examples(recording);
    let (held, seen): (Vec<_>, Vec<_>) = all.into_iter().partition(|example| example.held_out);
    let model = train(&seen)?;
    Ok(Outcome { trained: model.score(&seen), held_out: model.score(&held), model })
}

/// The result of training.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The tree.
    pub model: Model,
    /// On what it was trained with.
    pub trained: Score,
    /// On what was held out.
    pub held_out: Score,
}
