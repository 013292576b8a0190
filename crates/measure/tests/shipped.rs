// SPDX-License-Identifier: GPL-2.0-only
//! The tree that is shipped is what training with the shipped recording gives.

use raext_measure::learn::{Recording, learn, source};
use std::fs;
use std::path::{Path, PathBuf};

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/tree")
}

#[test]
fn the_shipped_tree_is_what_training_gives() {
    let recording = Recording::read(&policy().join("recording.jsonl")).unwrap();
    let shipped = fs::read_to_string(policy().join("src/tree.rs")).unwrap();
    for _ in 0..5 {
        let trained = source(&learn(&recording).unwrap().model);
        assert!(trained == shipped, "train it anew: raext train policies/tree/recording.jsonl");
    }
}

/// Better than each window by itself, on runs that it was not trained with.
#[test]
fn the_shipped_tree_is_worth_more_than_any_one_window() {
    let recording = Recording::read(&policy().join("recording.jsonl")).unwrap();
    let outcome = learn(&recording).unwrap();
    assert!(outcome.held_out.examples >= 100, "{outcome:?}");
    let examples = raext_measure::learn::examples(&recording);
    let held: Vec<_> = examples.iter().filter(|example| example.held_out).collect();
    for class in 0..raext_policy::tree::WINDOWS.len() {
        let regret: f64 = held.iter().map(|example| example.regret(class)).sum();
        let dearer = (regret / held.len() as f64).exp();
        assert!(dearer > 1.2 * outcome.held_out.dearer, "{class}: {dearer} {outcome:?}");
    }
}
