// SPDX-License-Identifier: GPL-2.0-only
//! What the data file holds: a function of the offset alone, so that any range
//! can be verified by itself.

use crate::workload::StageError;
use xxhash_rust::xxh3::Xxh3;

/// Bytes of a word.
const WORD: usize = 8;

/// The word at a byte offset (a multiple of 8). Multiplying by an odd number
/// makes each of them another one.
fn word(offset: u64) -> u64 {
    (offset / WORD as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Fill `buffer` with what belongs at `offset` (a multiple of 8).
pub fn fill(offset: u64, buffer: &mut [u8]) {
    for (at, bytes) in (offset..).step_by(WORD).zip(buffer.chunks_exact_mut(WORD)) {
        bytes.copy_from_slice(&word(at).to_le_bytes());
    }
}

/// Compares what was read with what was written, and sums it up.
pub(super) struct Verifier {
    hash: Xxh3,
    bytes: u64,
}

impl Verifier {
    pub(super) fn new() -> Self {
        Self { hash: Xxh3::new(), bytes: 0 }
    }

    /// Take in what was read at `offset` (a multiple of 8).
    pub(super) fn take(&mut self, offset: u64, read: &[u8]) -> Result<(), StageError> {
        verify(offset, read)?;
        self.hash.update(read);
        self.bytes += read.len() as u64;
        Ok(())
    }

    /// Bytes taken in.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The checksum, in the order in which the bytes were taken in.
    pub(super) fn checksum(&self) -> u64 {
        self.hash.digest()
    }
}

/// Compare what was read at `offset` (a multiple of 8) with what was written.
pub fn verify(offset: u64, read: &[u8]) -> Result<(), StageError> {
    for (at, bytes) in (offset..).step_by(WORD).zip(read.chunks_exact(WORD)) {
        let mut eight = [0; WORD];
        eight.copy_from_slice(bytes);
        let (found, expected) = (u64::from_le_bytes(eight), word(at));
        if found != expected {
            return Err(StageError::WrongData { offset: at, found, expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_found_where_it_is() {
        let mut buffer = vec![0; 4096];
        fill(8192, &mut buffer);
        assert!(verify(8192, &buffer).is_ok());
        buffer[100] ^= 4;
        let error = verify(8192, &buffer).unwrap_err();
        assert!(matches!(error, StageError::WrongData { offset: 8288, .. }), "{error}");
    }

    #[test]
    fn a_page_from_elsewhere_is_found() {
        let mut buffer = vec![0; 4096];
        fill(4096, &mut buffer);
        assert!(verify(0, &buffer).is_err());
    }

    #[test]
    fn the_checksum_depends_on_the_order() {
        let sum = |offsets: [u64; 2]| {
            let mut verifier = Verifier::new();
            for offset in offsets {
                let mut buffer = vec![0; 64];
                fill(offset, &mut buffer);
                verifier.take(offset, &buffer).unwrap();
            }
            assert_eq!(verifier.bytes(), 128);
            verifier.checksum()
        };
        assert_ne!(sum([0, 64]), sum([64, 0]));
    }
}
