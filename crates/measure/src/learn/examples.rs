// SPDX-License-Identifier: GPL-2.0-only
//! A recording's decisions as examples. What is known of each is computed by the code
//! that the policy itself runs ([`raext_policy::tree::features`]).

use crate::learn::economics::{Place, costs};
use crate::learn::{Event, Recording};
use raext_policy::tree::WINDOWS;
use raext_policy::tree::features::{Ask, FEATURES, File, MARK, look, remember};
use std::collections::HashMap;

/// A decision, and what each window would have cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What was known.
    pub features: [u32; FEATURES],
    /// The cost of each of [`WINDOWS`].
    pub costs: [f64; WINDOWS.len()],
    /// Whether it is of a run that is held out.
    pub held_out: bool,
}

impl Example {
    /// The window that would have been right: the cheapest.
    pub fn class(&self) -> usize {
        let cheapest = self.costs.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        cheapest.map_or(0, |(class, _)| class)
    }

    /// By how much a class is worse than the cheapest: the logarithm of how many
    /// times as dear it is.
    pub fn regret(&self, class: usize) -> f64 {
        (self.costs[class] / self.costs[self.class()]).ln()
    }
}

/// The examples of a recording, in its order.
pub fn examples(recording: &Recording) -> Vec<Example> {
    let mut files: HashMap<u64, File> = HashMap::new();
    let mut examples = Vec::new();
    for (at, run) in recording.runs.iter().enumerate() {
        // The last run of each workload.
        let of = |run: &crate::learn::Run| run.spec.workload;
        let held_out = !recording.runs[at + 1..].iter().any(|later| of(later) == of(run));
        for (at, event) in run.events.iter().enumerate() {
            let Event::Decision { ino, flags, index, req, file, start, size } = *event else {
                continue;
            };
            let Ok(page) = u32::try_from(index) else { continue };
            let ask = Ask { event: flags.event, page, pages: req.max(1), hint: flags.hint };
            let known = files.entry(ino).or_default();
            let seen = look(known, ask);
            let end = match size {
                0 => page.saturating_add(ask.pages),
                _ => u32::try_from(start).unwrap_or(u32::MAX).saturating_add(size),
            };
            remember(known, ask, seen, end.max(seen.end));
            let asked = if ask.event == MARK { 0 } else { ask.pages };
            let from = if ask.event == MARK { seen.end } else { page.saturating_add(asked) };
            let place = Place { from: from.into(), asked, each: ask.pages, file };
            let costs = costs(place, &run.events[at + 1..]);
            examples.push(Example { features: seen.features, costs, held_out });
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::recording::tests::{decision, with};
    use raext_policy::tree::features::bits;

    #[test]
    fn a_scan_and_a_random_read_have_the_right_windows() {
        let mut events = vec![decision(0, 0, 16, 0, 32), Event::Read(0, 16)];
        events.extend([decision(1, 16, 16, 32, 32), Event::Read(16, 2032)]);
        events.extend([decision(0, 9000, 4, 0, 0), Event::Read(9000, 4)]);
        let all = examples(&with(events));
        assert_eq!(all.iter().map(Example::class).collect::<Vec<_>>(), [4, 4, 0]);
        assert_eq!((all[1].features[0], all[1].features[2]), (MARK, bits(16)));
        assert!(
            all[2].features[3] == bits(9000 - 32) && all.iter().all(|example| example.held_out)
        );
    }
}
