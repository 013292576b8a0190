// SPDX-License-Identifier: GPL-2.0-only
//! Bytes that tell whether they are the right ones.

use super::ToolError;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// What a random reader reads at once, bytes.
pub(super) const BLOCK: usize = 4096;

/// A number that looks random, of another one.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The word at the `index`th place of a file (or a tensor) that is known by `seed`.
pub(super) fn word(seed: u64, index: u64) -> u64 {
    mix(seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A sum of words that knows their order, to be continued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum(u64);

impl Sum {
    /// With these bytes, whose number is a multiple of eight but for the last ones.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.one(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.one(u64::from(*byte));
        }
    }

    /// With this word.
    pub(super) fn one(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// As it is told.
    pub(super) fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// Whether a block is the `index`th one of the file.
pub(super) fn is_block(seed: u64, index: u64, block: &[u8]) -> bool {
    let words = (BLOCK / 8) as u64;
    let is = |at: u64| {
        let bytes = &block[at as usize * 8..][..8];
        bytes == word(seed, index * words + at).to_le_bytes()
    };
    is(0) && is(words / 2) && is(words - 1)
}

/// `fill FILE MIB SEED`
pub(super) fn fill_command(arguments: &[String]) -> Result<String, ToolError> {
    let usage = || ToolError::usage("fill FILE MIB SEED");
    let [path, mib, seed] = arguments else { return Err(usage()) };
    let (mib, seed): (u64, u64) =
        (mib.parse().map_err(|_| usage())?, seed.parse().map_err(|_| usage())?);
    let path = Path::new(path);
    let mut file = BufWriter::new(File::create(path).map_err(ToolError::io("create", path))?);
    for index in 0..mib << 17 {
        let bytes = word(seed, index).to_le_bytes();
        file.write_all(&bytes).map_err(ToolError::io("write", path))?;
    }
    file.flush().map_err(ToolError::io("write", path))?;
    Ok(format!("filled {mib} MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_known_by_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let args = [path.to_str().unwrap(), "1", "7"].map(str::to_owned);
        fill_command(&args).unwrap();
        let data = std::fs::read(&path).unwrap();
        assert_eq!(data.len(), 1 << 20);
        let block = |n: usize| &data[n * BLOCK..][..BLOCK];
        assert!(is_block(7, 0, block(0)) && is_block(7, 255, block(255)));
        assert!(!is_block(7, 1, block(0)) && !is_block(8, 0, block(0)));
        assert!(fill_command(&args[..2]).is_err());
    }

    #[test]
    fn a_sum_knows_the_order() {
        let sum = |bytes: &[u8]| {
            let mut sum = Sum::default();
            sum.add(bytes);
            sum
        };
        let ordered: Vec<u8> = (0..32).collect();
        let mut other = ordered.clone();
        other.swap(0, 8);
        assert_ne!(sum(&ordered), sum(&other));
        let mut parts = sum(&ordered[..16]);
        parts.add(&ordered[16..]);
        assert_eq!(parts, sum(&ordered));
    }
}
