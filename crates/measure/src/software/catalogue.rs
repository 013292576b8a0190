// SPDX-License-Identifier: GPL-2.0-only
//! All rows of real software.

use crate::experiment::Outcome;
use crate::software::guest::Guest;
use crate::software::{
    DataSet, SoftwareError, backup, fio, model, postgres, ripgrep, rocksdb, sqlite,
};

/// One cold (or cached) run.
pub(crate) type Run = &'static (dyn Fn(&mut Guest<'_>) -> Result<Outcome, SoftwareError> + Sync);

/// A row.
pub struct Entry {
    /// Its name on the command line and in tables.
    pub name: &'static str,
    /// The use that it models, in a line.
    pub about: &'static str,
    /// The data set that it reads.
    pub data: &'static DataSet,
    /// Raised when what is run changes: its measurements are not comparable then.
    pub version: u32,
    pub(crate) run: Run,
}

/// Every row, in the order of the table.
pub fn catalogue() -> impl Iterator<Item = &'static Entry> {
    let all = [
        &rocksdb::ROWS[..],
        &backup::ROWS,
        &model::ROWS,
        &sqlite::ROWS,
        &postgres::ROWS,
        &fio::ROWS,
        &ripgrep::ROWS,
    ];
    all.into_iter().flatten()
}

/// The row of that name.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static Entry, SoftwareError> {
    catalogue().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<_> = catalogue().map(|entry| entry.name).collect();
        SoftwareError::NoSuchRow { name: name.to_owned(), known: known.join(", ") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn rows_have_names_of_their_own_and_data_sets_too() {
        let mut names = HashSet::new();
        let mut data = HashMap::new();
        for entry in catalogue() {
            assert!(names.insert(entry.name), "{} is there twice", entry.name);
            assert!(
                entry.name.bytes().all(|b| b.is_ascii_lowercase() || b"-0123456789".contains(&b))
            );
            assert!(!entry.about.is_empty() && !entry.about.ends_with('.'), "{}", entry.name);
            // A disk's serial number has room for no more.
            assert!(entry.data.name.len() <= 20, "{}", entry.data.name);
            let known = data.entry(entry.data.name).or_insert(entry.data);
            assert_eq!(*known, entry.data, "two data sets of one name");
        }
        assert!(find("rocksdb-readrandom").is_ok());
        let error = find("oracle").err().unwrap().to_string();
        assert!(error.contains("'oracle'") && error.contains("rocksdb-readseq"), "{error}");
    }
}
