// SPDX-License-Identifier: GPL-2.0-only
//! `tree` decides by a small decision tree that was trained from recorded decisions
//! (`raext train`). The tree is data ([`tree`]); `raext_policy::tree` computes its
//! features. docs/learned.md says how to train it for other work.

#![no_std]

mod tree;

use raext_policy::prelude::*;
use raext_policy::tree::WINDOWS;
use raext_policy::tree::features::{Ask, FAULT, File, MARK, MISS, look, remember};

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
    use raext_policy::tree::features::FEATURES;
    use raext_policy::tree::{DEPTH, LEAF, NODES};

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
