// SPDX-License-Identifier: GPL-2.0-only
//! What a file that changes must hold.

/// The smallest part of a file that has a version of its own, bytes: less than
/// a page, so that pages are changed in parts.
pub(super) const GRAIN: u64 = 512;

/// Length and version of each part.
#[derive(Debug)]
pub(super) struct Model {
    /// Behind the end they are 0, as what a page holds there.
    versions: Vec<u8>,
    len: u64,
}

impl Model {
    /// A file of `len` bytes, its longest, in version 1.
    pub(super) fn new(len: u64) -> Self {
        Self { versions: vec![1; (len / GRAIN) as usize], len }
    }

    /// The file's length.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The version at an offset.
    pub(super) fn version_at(&self, offset: u64) -> u8 {
        self.versions[(offset / GRAIN) as usize]
    }

    /// Bytes were written; the file may have become longer.
    pub(super) fn write(&mut self, at: u64, len: u64, version: u8) {
        self.set(at, len, version);
        self.len = self.len.max(at + len);
    }

    /// A hole was made, the length kept.
    pub(super) fn punch(&mut self, at: u64, len: u64) {
        self.set(at, len, 0);
    }

    /// The file was made shorter or longer.
    pub(super) fn resize(&mut self, len: u64) {
        if len < self.len {
            self.set(len, self.len - len, 0);
        }
        self.len = len;
    }

    fn set(&mut self, at: u64, len: u64, version: u8) {
        self.versions[(at / GRAIN) as usize..((at + len) / GRAIN) as usize].fill(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_comes_back_as_zeros() {
        let mut model = Model::new(8 * GRAIN);
        model.write(2 * GRAIN, 2 * GRAIN, 5);
        model.resize(3 * GRAIN);
        model.resize(6 * GRAIN);
        model.punch(0, GRAIN);
        model.write(6 * GRAIN, GRAIN, 2);
        assert_eq!(model.len(), 7 * GRAIN);
        let versions: Vec<u8> = (0..8).map(|grain| model.version_at(grain * GRAIN)).collect();
        assert_eq!(versions, [0, 1, 5, 0, 0, 0, 2, 0]);
    }
}
