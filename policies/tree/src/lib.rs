// SPDX-License-Identifier: GPL-2.0-only
//! `tree` decides by a small decision tree that was trained from recorded decisions
//! (`raext train`). The tree is data ([`tree`]); what it is asked is computed in
//! [`features`]. docs/learned.md tells how to train it for other work.

#![no_std]

pub mod features;
pub mod tree;

use features::{Ask, FAULT, FEATURES, File, MARK, MISS, look, remember};
use raext_policy::prelude::*;

/// What a leaf of the tree can say: so many pages ahead of what was asked for.
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
    /// What the tree says of a decision: a place in [`WINDOWS`].
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

memory! {
    /// The files that are being read.
    static FILES: PerFileInPlace<File, 4096>;
}

policy! {
    name: "tree",
    decide: decide,
}

fn decide(s: &State) -> Decision {
    // Pages have 32 bits in the policy's memory: up to 16 TiB.
    if s.file_pages() >= u32::MAX.into() || s.is_hugepage() {
        return Decision::Kernel;
    }
    let Some(file) = FILES.of(s) else {
        return Decision::Kernel;
    };
    let ask = ask(s);
    let seen = look(file, ask);
    let class = tree::TREE.walk(&seen.features);
    let ahead = window(class);
    let after = ask.page.saturating_add(ask.pages);
    // At a mark, what follows what is there; else, what is asked for and more.
    let start = if ask.event == MARK { seen.end } else { ask.page };
    let least = if ask.event == MARK { 0 } else { ask.pages };
    let size = if ahead == 0 { 0 } else { ahead.saturating_add(least) };
    let end = if size == 0 { after } else { start.saturating_add(size) };
    let end = if end < seen.end { seen.end } else { end };
    remember(file, ask, seen, end);
    Decision::Window { start: start.into(), size, async_size: ahead }
}

/// A decision as the tree knows it.
#[inline(always)]
fn ask(s: &State) -> Ask {
    let event = match s.event() {
        Event::Miss => MISS,
        Event::Mark => MARK,
        Event::Fault => FAULT,
    };
    let hint = if s.is_random() {
        1
    } else if s.is_sequential() {
        2
    } else {
        0
    };
    let pages = s.req_pages();
    Ask { event, page: s.index() as u32, pages: if pages == 0 { 1 } else { pages }, hint }
}

/// Pages of a class. Not by an index: the compiler would have to believe it.
#[inline(always)]
fn window(class: u32) -> u32 {
    match WINDOWS.get(class as usize) {
        Some(pages) => *pages,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_policy::testing::{Stream, simulate};

    #[test]
    fn what_is_kept_of_a_file_fits() {
        assert!(size_of::<File>() + size_of::<raext_policy::FileKey>() < 256);
    }

    #[test]
    fn every_walk_ends_at_a_leaf() {
        let tree = &tree::TREE;
        let mut nodes = [(0_usize, 0); NODES];
        let mut known = 1;
        let mut next = 0;
        while next < known {
            let (at, depth) = nodes[next];
            next += 1;
            assert!(depth <= DEPTH, "node {at} is too deep");
            if tree.feature[at] == LEAF {
                assert!((tree.value[at] as usize) < WINDOWS.len());
                continue;
            }
            assert!((tree.feature[at] as usize) < FEATURES);
            for side in 0..2 {
                nodes[known] = (tree.left[at] as usize + side, depth + 1);
                assert!(nodes[known].0 > at, "a way back at node {at}");
                known += 1;
            }
        }
        assert!((3..=63).contains(&known), "{known} nodes");
    }

    #[test]
    fn a_scan_is_read_ahead_and_random_reads_are_not() {
        let scan = simulate(decide, &Stream::sequential(0, 4096, 16));
        let kernel = simulate(|_| Decision::Kernel, &Stream::sequential(0, 4096, 16));
        assert!(scan.decisions * 4 < kernel.decisions, "{scan:?} {kernel:?}");
        for seed in 0..4 {
            let faults = Stream::random(seed, 1 << 18, 200, 1).mapped();
            let report = simulate(decide, &faults);
            assert!(report.pages_read < 2 * 200, "{report:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_the_kernel_s() {
        let huge = State::miss(0, 4).with(|s| s.file_pages = u32::MAX.into());
        assert_eq!(decide(&huge), Decision::Kernel);
    }
}
