// SPDX-License-Identifier: GPL-2.0-only
//! A decision tree as data. The policy `tree` walks it in the kernel; `raext train`
//! computes the same [`features`] from a recording and writes the tree.

pub mod features;

use features::FEATURES;

/// The answers of a leaf: so many pages ahead of the requested ones.
pub const WINDOWS: [u32; 5] = [0, 16, 64, 256, 1024];

/// How deep a tree is at most: a walk is as many steps.
pub const DEPTH: usize = 6;

/// Room for nodes, with which an index is masked.
pub const NODES: usize = 128;

/// A tree, node by node, as columns.
#[derive(Debug)]
pub struct Tree {
    /// The feature that a node asks for; [`LEAF`] for a leaf.
    pub feature: [u8; NODES],
    /// It goes left up to this value. For a leaf, its place in [`WINDOWS`].
    pub value: [u32; NODES],
    /// The node to the left; the one to the right is behind it.
    pub left: [u8; NODES],
}

/// Asks for no feature.
pub const LEAF: u8 = 255;

impl Tree {
    /// The tree's answer to a decision: a place in [`WINDOWS`].
    #[inline(always)]
    pub fn walk(&self, features: &[u32; FEATURES]) -> u32 {
        let mut at = 0;
        for _ in 0..DEPTH {
            let feature = self.feature[at];
            if feature != LEAF {
                let right = features[feature as usize & (FEATURES - 1)] > self.value[at];
                let next = self.left[at] as usize + if right { 1 } else { 0 };
                at = next & (NODES - 1);
            }
        }
        if self.feature[at] == LEAF { self.value[at] } else { 0 }
    }
}
