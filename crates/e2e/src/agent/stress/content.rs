// SPDX-License-Identifier: GPL-2.0-only
//! What the files hold: each word is a function of seed, file, offset and
//! version, so that a word from elsewhere is known for what it is.

use raext_model::SplitMix;

/// Versions count from 1 to this one and begin anew; 0 is a hole, read as zeros.
pub(super) const VERSIONS: u8 = 7;
/// Bytes of a word.
pub(super) const WORD: usize = 8;

/// The contents of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    /// By version; the first is of no use.
    keys: [u64; VERSIONS as usize + 1],
}

/// The first word that is wrong, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub offset: u64,
    pub found: u64,
    pub expected: u64,
    pub words: u64,
}

impl Content {
    /// The contents of file number `file`.
    pub(crate) fn new(seed: u64, file: u64) -> Self {
        let mut numbers = SplitMix(seed ^ (file + 1).wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self { keys: std::array::from_fn(|_| numbers.word()) }
    }

    /// The word at `offset`, a multiple of 8.
    pub(crate) fn word(&self, offset: u64, version: u8) -> u64 {
        if version == 0 {
            return 0;
        }
        // Multiplying by an odd number makes each of them another one.
        let place = (offset / WORD as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.keys[usize::from(version)].wrapping_add(place)
    }

    /// Fill `buffer` with what belongs at `offset`, a multiple of 8.
    pub(crate) fn fill(&self, offset: u64, version: u8, buffer: &mut [u8]) {
        for (at, bytes) in (offset..).step_by(WORD).zip(buffer.chunks_exact_mut(WORD)) {
            bytes.copy_from_slice(&self.word(at, version).to_le_bytes());
        }
    }

    /// Compare what was read at `offset` with the one version that belongs
    /// there.
    pub(crate) fn compare(
        &self,
        offset: u64,
        read: &[u8],
        version_at: impl Fn(u64) -> u8,
    ) -> Option<Wrong> {
        wrong(offset, read, |at, found| {
            let expected = self.word(at, version_at(at));
            (found != expected).then_some(expected)
        })
    }

    /// Compare what was read at `offset` while another task changed it: zero,
    /// or any version, or, byte by byte, something in between.
    pub(crate) fn compare_any(&self, offset: u64, read: &[u8]) -> Option<Wrong> {
        // Neighbours mostly are of the same version.
        let mut last = 1;
        wrong(offset, read, |at, found| {
            if found == 0 || found == self.word(at, last) {
                return None;
            }
            if let Some(version) = (1..=VERSIONS).find(|&v| found == self.word(at, v)) {
                last = version;
                return None;
            }
            let candidates: [_; VERSIONS as usize + 1] =
                std::array::from_fn(|version| self.word(at, version as u8).to_le_bytes());
            let torn = found
                .to_le_bytes()
                .iter()
                .enumerate()
                .all(|(byte, found)| candidates.iter().any(|word| word[byte] == *found));
            (!torn).then(|| self.word(at, last))
        })
    }
}

/// Go through words; `expected` says what belongs there if it is something else.
fn wrong(
    offset: u64,
    read: &[u8],
    mut expected: impl FnMut(u64, u64) -> Option<u64>,
) -> Option<Wrong> {
    let mut wrong: Option<Wrong> = None;
    for (at, bytes) in (offset..).step_by(WORD).zip(read.chunks_exact(WORD)) {
        let mut eight = [0; WORD];
        eight.copy_from_slice(bytes);
        let found = u64::from_le_bytes(eight);
        if let Some(expected) = expected(at, found) {
            wrong.get_or_insert(Wrong { offset: at, found, expected, words: 0 }).words += 1;
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(content: &Content, offset: u64, version: u8) -> Vec<u8> {
        let mut buffer = vec![0; 4096];
        content.fill(offset, version, &mut buffer);
        buffer
    }

    #[test]
    fn a_word_belongs_to_one_file_offset_and_version() {
        let (content, other) = (Content::new(1, 0), Content::new(1, 1));
        let read = filled(&content, 8192, 3);
        assert_eq!(content.compare(8192, &read, |_| 3), None);
        assert_eq!(content.compare_any(8192, &read), None);
        for (name, wrong) in [
            ("version", content.compare(8192, &read, |_| 4)),
            ("offset", content.compare_any(4096, &read)),
            ("file", other.compare_any(8192, &read)),
            ("seed", Content::new(2, 0).compare_any(8192, &read)),
        ] {
            assert_eq!(wrong.map(|w| w.words), Some(512), "{name}");
        }
    }

    #[test]
    fn a_flipped_bit_is_found_where_it_is() {
        let content = Content::new(1, 0);
        let mut read = filled(&content, 0, 1);
        read[100] ^= 4;
        for wrong in [content.compare(0, &read, |_| 1), content.compare_any(0, &read)] {
            let wrong = wrong.unwrap();
            assert_eq!((wrong.offset, wrong.words), (96, 1));
        }
    }

    #[test]
    fn what_is_seen_while_it_changes_is_no_error() {
        let content = Content::new(1, 0);
        let (old, new) = (filled(&content, 0, 1), filled(&content, 0, 2));
        // A word whose first bytes are new and whose last are zero.
        let mut read = old.clone();
        read[..100].copy_from_slice(&new[..100]);
        read[102..200].fill(0);
        assert_eq!(content.compare_any(0, &read), None);
        assert!(content.compare(0, &read, |_| 1).is_some());
    }

    #[test]
    fn a_hole_is_zeros() {
        let content = Content::new(1, 0);
        assert_eq!(content.compare(0, &[0; 64], |_| 0), None);
        assert!(content.compare(0, &filled(&content, 0, 1), |_| 0).is_some());
        assert!(content.compare(0, &[0; 64], |_| 1).is_some());
    }
}
