// SPDX-License-Identifier: GPL-2.0-only
//! `raext train`: a decision tree from a recording, as the data of the policy `tree`.

use crate::args::TrainArgs;
use crate::exit::Result;
use raext_measure::learn::{Recording, Score, learn, readable, source};
use raext_model::{At as _, IoExt as _};
use raext_vm::Paths;
use std::fs;

/// Train, write, and say how good it is.
pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let recording = Recording::read(&args.recording)?;
    let output = match &args.output {
        Some(output) => output.clone(),
        None => Paths::find()?.root.join("policies/tree/src/tree.rs"),
    };
    let outcome = learn(&recording).at(args.recording.display())?;
    fs::write(&output, source(&outcome.model)).given("writing", &output)?;
    println!("{}", readable(&outcome.model));
    println!("trained with  {}", said(outcome.trained));
    println!("held out      {}", said(outcome.held_out));
    println!("{} nodes, written to {}", outcome.model.root.count(), output.display());
    Ok(())
}

fn said(score: Score) -> String {
    let Score { examples, right, dearer } = score;
    let percent = 100.0 * right as f64 / examples.max(1) as f64;
    format!("{examples} decisions, {percent:.1} % right, {dearer:.2} times as dear as the best")
}
