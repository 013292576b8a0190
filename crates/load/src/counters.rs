// SPDX-License-Identifier: GPL-2.0-only
//! The module's table of attached policies and their counters.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;

const TABLE: &str = "/sys/kernel/debug/readahead_ext/policies";

/// The counters of one attached policy, by the names in the table's header
/// (docs/design.md explains them).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// The policy's own name.
    pub policy: String,
    /// Counter by counter.
    pub counts: BTreeMap<String, u64>,
}

impl Counters {
    /// How often the policy was asked: misses, marks and fault misses.
    pub fn decisions(&self) -> u64 {
        ["miss", "mark", "fault"].iter().filter_map(|name| self.counts.get(*name)).sum()
    }
}

/// The table, or `None` where it cannot be read (no module, no debugfs, not
/// root).
pub fn counters() -> Option<Vec<Counters>> {
    parse(&fs::read_to_string(TABLE).ok()?)
}

fn parse(table: &str) -> Option<Vec<Counters>> {
    let mut lines = table.lines();
    let header: Vec<_> = lines.next()?.split_whitespace().skip(1).collect();
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let policy = words.next()?.to_owned();
        let counts = header.iter().zip(words);
        let counts = counts
            .map(|(name, n)| Some(((*name).to_owned(), n.parse().ok()?)))
            .collect::<Option<_>>()?;
        Some(Counters { policy, counts })
    };
    lines.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_their_names() {
        let table = parse("name new miss mark fault\nwide 9 1 8 2\n").unwrap();
        assert_eq!(table.len(), 1);
        assert_eq!(table[0].policy, "wide");
        assert_eq!(table[0].counts["new"], 9);
        assert_eq!(table[0].decisions(), 11);
    }

    #[test]
    fn an_empty_table_is_not_a_missing_one() {
        assert_eq!(parse("name miss mark fault\n"), Some(vec![]));
        assert_eq!(parse(""), None);
        assert_eq!(parse("name miss\nwide many\n"), None);
    }
}
