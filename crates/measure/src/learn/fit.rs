// SPDX-License-Identifier: GPL-2.0-only
//! From examples to a tree, by regression: each split is the one after which the places of
//! the right windows, which are in order, vary least within the two parts. A leaf has the
//! smallest window that costs nearly the least over its examples.
//!
//! The same examples give the same tree: of splits that are equally good, the first feature's
//! is taken.

use crate::learn::{Example, LearnError};
use raext_policy::tree::features::FEATURES;
use raext_policy::tree::{DEPTH, WINDOWS};

/// Nodes of a tree at most.
const MOST: usize = 63;
/// Examples without which nothing is to be learned.
const LEAST: usize = 20;
/// Examples of a leaf at least; fewer are chance.
const LEAF: usize = 3;

/// Logarithms of costs that differ by less are nearly the same. What is larger than it
/// need be is dearer where an application ends sooner than the recorded ones.
const NEARLY: f64 = 0.2;

/// A node of a tree, with what is below it.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Says a place in [`WINDOWS`].
    Leaf {
        /// The place.
        class: usize,
        /// Examples that end here.
        examples: usize,
    },
    /// Asks for a feature: left up to a value.
    Split {
        /// The feature.
        feature: usize,
        /// The value.
        value: u32,
        /// Where it is not above the value.
        left: Box<Node>,
        /// Where it is.
        right: Box<Node>,
    },
}

/// A tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its first node.
    pub root: Node,
}

/// How a tree does on examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// How many there are.
    pub examples: usize,
    /// For how many it says the cheapest window.
    pub right: usize,
    /// How many times as dear as the cheapest its windows are, geometric mean.
    pub dearer: f64,
}

/// Train a tree.
///
/// # Errors
/// When there are too few examples.
pub fn train(examples: &[Example]) -> Result<Model, LearnError> {
    if examples.len() < LEAST {
        return Err(LearnError::TooFew(examples.len()));
    }
    let all: Vec<_> = examples.iter().collect();
    for depth in (1..=DEPTH).rev() {
        let root = grow(&all, depth);
        if root.count() <= MOST {
            return Ok(Model { root });
        }
    }
    Err(LearnError::TooFew(examples.len()))
}

fn grow(examples: &[&Example], depth: usize) -> Node {
    let leaf = || Node::Leaf { class: cheapest(examples), examples: examples.len() };
    let Some(Split { feature, value, left, right }) = split(examples).filter(|_| depth > 0) else {
        return leaf();
    };
    let (left, right) = (grow(&left, depth - 1), grow(&right, depth - 1));
    match (&left, &right) {
        (Node::Leaf { class: one, .. }, Node::Leaf { class: other, .. }) if one == other => leaf(),
        _ => Node::Split { feature, value, left: left.into(), right: right.into() },
    }
}

/// Examples in two parts: left those up to a value of a feature.
struct Split<'a> {
    feature: usize,
    value: u32,
    left: Vec<&'a Example>,
    right: Vec<&'a Example>,
}

/// The best split; none if it leaves too few on a side.
fn split<'a>(examples: &[&'a Example]) -> Option<Split<'a>> {
    let count = examples.len();
    let total: f64 = examples.iter().map(|example| example.class() as f64).sum();
    // The squares of the classes are the same for every split. What is left of the sum of
    // squared errors is least where this is largest.
    let worth = |left: f64, at: usize| {
        left * left / at as f64 + (total - left) * (total - left) / (count - at) as f64
    };
    // Without a split, all examples are one part.
    let mut best = (total * total / count as f64, None);
    for feature in 0..FEATURES {
        let mut sorted = examples.to_vec();
        sorted.sort_by_key(|example| example.features[feature]);
        let mut left = 0.0;
        for at in 1..count {
            left += sorted[at - 1].class() as f64;
            let [low, high] = [at - 1, at].map(|at| sorted[at].features[feature]);
            if low < high && worth(left, at) > best.0 {
                best = (worth(left, at), Some((feature, low + (high - low) / 2)));
            }
        }
    }
    let (feature, value) = best.1?;
    let (left, right): (Vec<_>, Vec<_>) =
        examples.iter().copied().partition(|example| example.features[feature] <= value);
    (left.len() >= LEAF && right.len() >= LEAF).then_some(Split { feature, value, left, right })
}

/// The smallest of the windows that cost nearly the least.
fn cheapest(examples: &[&Example]) -> usize {
    let regret = |class: usize| -> f64 {
        let all: f64 = examples.iter().map(|example| example.regret(class)).sum();
        all / examples.len().max(1) as f64
    };
    let least = (0..WINDOWS.len()).map(regret).fold(f64::INFINITY, f64::min);
    (0..WINDOWS.len()).find(|class| regret(*class) <= least + NEARLY).unwrap_or(0)
}

impl Node {
    /// This node and those below it.
    pub fn count(&self) -> usize {
        match self {
            Self::Leaf { .. } => 1,
            Self::Split { left, right, .. } => 1 + left.count() + right.count(),
        }
    }

    fn class(&self, features: &[u32; FEATURES]) -> usize {
        match self {
            Self::Leaf { class, .. } => *class,
            Self::Split { feature, value, left, right } => {
                if features[*feature] <= *value { left } else { right }.class(features)
            }
        }
    }
}

impl Model {
    /// The tree's answer: a place in [`WINDOWS`].
    pub fn class(&self, features: &[u32; FEATURES]) -> usize {
        self.root.class(features)
    }

    /// How it does.
    pub fn score(&self, examples: &[Example]) -> Score {
        let said = |example: &Example| self.class(&example.features);
        let right = examples.iter().filter(|e| e.regret(said(e)) <= 0.0).count();
        let regret: f64 = examples.iter().map(|e| e.regret(said(e))).sum();
        let dearer = (regret / examples.len().max(1) as f64).exp();
        Score { examples: examples.len(), right, dearer }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Scans differ by their run, which `asked` and `followed` repeat.
    pub(crate) fn simple() -> Vec<Example> {
        let example = |i: u32| {
            let scan = i % 2;
            let features = [0, 4 + scan, scan * (100 + i), 0, scan * 9, i, 0, 0];
            let costs = if scan == 1 {
                [17.0, 5.0, 2.0, 1.5, 1.1]
            } else {
                [17.0, 22.0, 33.0, 81.0, 273.0]
            };
            Example { features, costs, held_out: false }
        };
        (0..100).map(example).collect()
    }

    #[test]
    fn what_tells_is_found_and_the_tree_is_always_the_same() {
        let model = train(&simple()).unwrap();
        let Node::Split { feature, value, left, right } = &model.root else { panic!("{model:?}") };
        assert_eq!((*feature, *value), (1, 4), "the first of those that part alike");
        assert_eq!(**left, Node::Leaf { class: 0, examples: 50 });
        assert_eq!(**right, Node::Leaf { class: 4, examples: 50 });
        let score = model.score(&simple());
        assert_eq!((score.examples, score.right), (100, 100));
        assert!((score.dearer - 1.0).abs() < 1e-9);
        for _ in 0..10 {
            assert_eq!(train(&simple()).unwrap(), model);
        }
    }

    #[test]
    fn too_few_are_refused() {
        assert!(matches!(train(&simple()[..5]), Err(LearnError::TooFew(5))));
    }
}
