// SPDX-License-Identifier: GPL-2.0-only
//! What was done and found, by one thread or all.

use crate::agent::stress::content::Wrong;
use crate::requests::Mismatch;
use std::collections::BTreeMap;

/// Mismatches that are kept; the others are counted.
const KEPT: usize = 16;

/// Counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Operations by kind.
    pub ops: BTreeMap<&'static str, u64>,
    /// Bytes compared.
    pub bytes_checked: u64,
    /// Words that were wrong.
    pub wrong_words: u64,
    /// The first of them.
    pub mismatches: Vec<Mismatch>,
}

impl Tally {
    /// An operation was done.
    pub(super) fn did(&mut self, operation: &'static str) {
        *self.ops.entry(operation).or_default() += 1;
    }

    /// `bytes` of a file were compared.
    pub(super) fn compared(
        &mut self,
        file: &str,
        operation: &'static str,
        bytes: usize,
        wrong: Option<Wrong>,
    ) {
        self.bytes_checked += bytes as u64;
        let Some(Wrong { offset, found, expected, words }) = wrong else { return };
        self.wrong_words += words;
        if self.mismatches.len() < KEPT {
            let (file, operation) = (file.to_owned(), operation.to_owned());
            self.mismatches.push(Mismatch { file, operation, offset, found, expected, words });
        }
    }

    /// Add what another thread did.
    pub(super) fn add(&mut self, other: Self) {
        for (operation, count) in other.ops {
            *self.ops.entry(operation).or_default() += count;
        }
        self.bytes_checked += other.bytes_checked;
        self.wrong_words += other.wrong_words;
        self.mismatches.extend(other.mismatches);
        self.mismatches.truncate(KEPT);
    }
}
