// SPDX-License-Identifier: GPL-2.0-only
//! From examples to a tree. biosphere finds the splits, one after the other: it fits a
//! regression to the places of the right windows, which are in order. What a leaf says
//! is the smallest window that costs nearly the least over its examples.
//!
//! The same examples give the same tree: of the features that part a node's examples
//! in the same way, the first is taken.

use crate::learn::{Example, LearnError};
use biosphere::{DecisionTree, DecisionTreeParameters};
use ndarray::{Array1, Array2};
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
    let Some((low, high)) = part(examples).filter(|_| depth > 0) else {
        return leaf();
    };
    let Some((feature, value, mirrored)) = first_that_parts(&low, &high) else {
        return leaf();
    };
    let (left, right) = if mirrored { (high, low) } else { (low, high) };
    let (left, right) = (grow(&left, depth - 1), grow(&right, depth - 1));
    match (&left, &right) {
        (Node::Leaf { class: one, .. }, Node::Leaf { class: other, .. }) if one == other => leaf(),
        _ => Node::Split { feature, value, left: left.into(), right: right.into() },
    }
}

/// Two parts of examples.
type Parts<'a> = (Vec<&'a Example>, Vec<&'a Example>);

/// The best split, as a tree of one split has it; none if it leaves too few on a side.
fn part<'a>(examples: &[&'a Example]) -> Option<Parts<'a>> {
    let shape = (examples.len(), FEATURES);
    let records = Array2::from_shape_fn(shape, |(at, i)| f64::from(examples[at].features[i]));
    let classes: Array1<f64> = examples.iter().map(|example| example.class() as f64).collect();
    let mut stump = DecisionTree::new(DecisionTreeParameters::default().with_max_depth(Some(1)));
    stump.fit(&records.view(), &classes.view());
    // Of its two leaves each predicts its own mean, and the means differ.
    let said = stump.predict(&records.view());
    let sides = examples.iter().zip(&said);
    let (one, other): (Vec<_>, Vec<_>) = sides.partition(|(_, mean)| **mean == said[0]);
    let strip = |side: Vec<(&&'a Example, &f64)>| side.into_iter().map(|(e, _)| *e).collect();
    (one.len() >= LEAF && other.len() >= LEAF).then(|| (strip(one), strip(other)))
}

/// The first feature by which these two are told apart, the value up to which it is
/// the one, and whether it is the second that lies below.
fn first_that_parts(one: &[&Example], other: &[&Example]) -> Option<(usize, u32, bool)> {
    let range = |examples: &[&Example], feature: usize| {
        let values = examples.iter().map(|example| example.features[feature]);
        Some((values.clone().min()?, values.max()?))
    };
    (0..FEATURES).find_map(|feature| {
        let (one, other) = (range(one, feature)?, range(other, feature)?);
        let between = |low: u32, high: u32| low + (high - low) / 2;
        if one.1 < other.0 {
            Some((feature, between(one.1, other.0), false))
        } else if other.1 < one.0 {
            Some((feature, between(other.1, one.0), true))
        } else {
            None
        }
    })
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
    /// What the tree says: a place in [`WINDOWS`].
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
pub mod tests {
    use super::*;

    /// Scans are told by their run, which `asked` and `followed` repeat.
    pub fn simple() -> Vec<Example> {
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
