// SPDX-License-Identifier: GPL-2.0-only
//! The counters of each attached policy, event by event.

use crate::load::table::{self, Row};
use raext_model::VERDICTS;
use serde::Serialize;
use std::collections::BTreeMap;

/// The counters of pages that a policy asked for and that were not read, in the order of
/// the module's table.
pub const DROPPED: [&str; 7] = [
    "dropped_eof",
    "dropped_limit",
    "dropped_full",
    "dropped_busy",
    "dropped_memory",
    "dropped_late",
    "dropped_congested",
];

/// The counters of one attached policy for one kind of event, by the names in the
/// table's header (docs/design.md explains them).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// The id of the policy's link.
    pub link: u32,
    /// The policy's own name.
    pub policy: String,
    /// `miss`, `mark` or `fault`.
    pub event: String,
    /// Counter by counter.
    pub counts: BTreeMap<String, u64>,
}

impl Counters {
    /// How often the policy was asked.
    pub fn decisions(&self) -> u64 {
        VERDICTS.iter().filter_map(|name| self.counts.get(*name)).sum()
    }
}

/// The table, or `None` where it cannot be read (no module, no debugfs, not
/// root).
pub fn counters() -> Option<Vec<Counters>> {
    table::read("counters")?.iter().map(counters_of).collect()
}

/// Decisions of all attached policies so far; 0 where the table cannot be read.
pub fn decisions() -> u64 {
    counters().into_iter().flatten().map(|row| row.decisions()).sum()
}

fn counters_of(row: &Row) -> Option<Counters> {
    let counts = row.numbers().filter(|(name, _)| !matches!(*name, "link" | "name"));
    Some(Counters {
        link: row.number("link")?,
        policy: row.word("name")?.to_owned(),
        event: row.word("event")?.to_owned(),
        counts: counts.map(|(name, count)| (name.to_owned(), count)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counters' names in the module's source, in order.
    fn of_the_module() -> Vec<String> {
        let source = include_str!("../../../../kmod/core/stats.c");
        let (_, names) = source.split_once("raext_counter_names[RAEXT_NR_COUNTERS] = {").unwrap();
        let (names, _) = names.split_once("};").unwrap();
        names.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_dropped_counters_are_the_module_s() {
        let dropped: Vec<_> =
            of_the_module().into_iter().filter(|name| name.starts_with("dropped_")).collect();
        assert_eq!(dropped, DROPPED);
        for verdict in VERDICTS {
            assert!(of_the_module().iter().any(|name| name == verdict), "{verdict}");
        }
    }

    #[test]
    fn the_design_explains_each_counter_and_no_other() {
        let page = include_str!("../../../../docs/design.md");
        let (_, table) = page.split_once("| column of `counters` | counts |").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let first_cells = table.lines().skip(2).filter_map(|line| line.split('|').nth(1));
        let explained: Vec<_> =
            first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert_eq!(explained, of_the_module());
    }

    #[test]
    fn decisions_are_the_sum_of_the_verdicts() {
        let text = "link name event kept limited changed taken ranges\n3 77 mark 1 2 3 4 50\n";
        let row = counters_of(&table::parse(text).unwrap()[0]).unwrap();
        assert_eq!((row.link, row.policy.as_str(), row.event.as_str()), (3, "77", "mark"));
        assert_eq!(row.decisions(), 10);
        assert_eq!(row.counts["ranges"], 50);
        assert_eq!(row.counts.len(), 5);
    }
}
