// SPDX-License-Identifier: GPL-2.0-only
//! The module's tables in debugfs: a header that names the columns, then a row
//! of words each. Readers go by the names, since columns may be added.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;

const DIR: &str = "/sys/kernel/debug/readahead_ext";

/// A row, by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(BTreeMap<String, String>);

/// The rows of a table, or `None` where it cannot be read (no module, no debugfs,
/// not root).
pub(super) fn read(table: &str) -> Option<Vec<Row>> {
    parse(&fs::read_to_string(Path::new(DIR).join(table)).ok()?)
}

/// The rows of a table's text, or `None` where it is no table.
pub fn parse(text: &str) -> Option<Vec<Row>> {
    let mut lines = text.lines();
    let header: Vec<_> = lines.next()?.split_whitespace().collect();
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let named = header.iter().zip(&words).map(|(n, w)| ((*n).to_owned(), (*w).to_owned()));
        (words.len() == header.len()).then(|| Row(named.collect()))
    };
    lines.map(row).collect()
}

impl Row {
    /// All words, by column.
    pub fn into_words(self) -> BTreeMap<String, String> {
        self.0
    }

    /// A column's word.
    pub(super) fn word(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// A column's number.
    pub(super) fn number<T: FromStr>(&self, column: &str) -> Option<T> {
        self.word(column)?.parse().ok()
    }

    /// Every column that holds a number.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().filter_map(|(name, word)| Some((name.as_str(), word.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_their_names() {
        let table = parse("link name new miss\n7 wide 9 1\n").unwrap();
        assert_eq!(table.len(), 1);
        assert_eq!(table[0].word("name"), Some("wide"));
        assert_eq!(table[0].number("new"), Some(9));
        assert_eq!(table[0].number::<u64>("name"), None);
    }

    #[test]
    fn an_empty_table_is_not_a_missing_one() {
        assert_eq!(parse("name miss mark fault\n"), Some(vec![]));
        assert_eq!(parse(""), None);
        assert_eq!(parse("name miss\nwide\n"), None);
    }
}
