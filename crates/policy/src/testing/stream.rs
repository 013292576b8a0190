// SPDX-License-Identifier: GPL-2.0-only
//! The accesses of an application to a file, page by page.

use std::collections::HashSet;
use std::vec::Vec;

/// One access of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// First page.
    pub index: u64,
    /// How many.
    pub pages: u32,
    /// Touched in a mapping, page by page, rather than read.
    pub mapped: bool,
}

/// The accesses of an application to one file, in order.
///
/// ```
/// use raext_policy::testing::Stream;
/// let scan = Stream::sequential(0, 64, 16);
/// assert_eq!(scan.accesses().len(), 4);
/// let both = Stream::interleaved([scan, Stream::strided(1000, 50, 4, 2)]);
/// let places: Vec<_> = both.accesses().iter().map(|access| access.index).collect();
/// assert_eq!(places, [0, 1000, 16, 1050, 32, 1100, 48, 1150]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    accesses: Vec<Access>,
}

impl Stream {
    /// The accesses of another source, such as a recording.
    pub fn of(accesses: impl IntoIterator<Item = Access>) -> Self {
        Self { accesses: accesses.into_iter().collect() }
    }

    /// `pages` pages from `start` on, `each` at a time.
    pub fn sequential(start: u64, pages: u64, each: u32) -> Self {
        let each = each.max(1);
        Self::reads((0..pages / u64::from(each)).map(|i| start + i * u64::from(each)), each)
    }

    /// The same from the end to the start.
    pub fn backward(start: u64, pages: u64, each: u32) -> Self {
        let mut stream = Self::sequential(start, pages, each);
        stream.accesses.reverse();
        stream
    }

    /// `reads` reads of `each` pages whose starts are `step` pages apart; a
    /// negative step goes backwards. What would lie before the file is left out.
    pub fn strided(start: u64, step: i64, reads: u64, each: u32) -> Self {
        let place = |i: u64| start.checked_add_signed(step.checked_mul(i as i64)?);
        Self::reads((0..reads).map_while(place), each)
    }

    /// `reads` reads of `each` pages at different places within the first `within`
    /// pages; the same for the same seed.
    pub fn random(seed: u64, within: u64, reads: u64, each: u32) -> Self {
        Self::bursts(seed, within, reads, each, each)
    }

    /// At `bursts` random places, `pages` pages in order, `each` at a time.
    pub fn bursts(seed: u64, within: u64, bursts: u64, pages: u32, each: u32) -> Self {
        let slots = within / u64::from(pages.max(1));
        let (mut seed, mut seen) = (seed, HashSet::new());
        let mut stream = Self::default();
        while (seen.len() as u64) < bursts.min(slots) {
            let slot = next(&mut seed) % slots;
            if seen.insert(slot) {
                stream = stream.then(Self::sequential(slot * u64::from(pages), pages.into(), each));
            }
        }
        stream
    }

    /// Streams that take turns, each in its own order.
    pub fn interleaved(streams: impl IntoIterator<Item = Self>) -> Self {
        let streams: Vec<_> = streams.into_iter().collect();
        let longest = streams.iter().map(|stream| stream.accesses.len()).max().unwrap_or(0);
        let turn = |i| streams.iter().filter_map(move |stream| stream.accesses.get(i).copied());
        Self::of((0..longest).flat_map(turn))
    }

    /// The same accesses to a mapping: page by page, by faults.
    pub fn mapped(mut self) -> Self {
        self.accesses.iter_mut().for_each(|access| access.mapped = true);
        self
    }

    /// One after the other.
    pub fn then(mut self, after: Self) -> Self {
        self.accesses.extend(after.accesses);
        self
    }

    /// The accesses, in order.
    pub fn accesses(&self) -> &[Access] {
        &self.accesses
    }

    fn reads(places: impl Iterator<Item = u64>, pages: u32) -> Self {
        Self::of(places.map(|index| Access { index, pages, mapped: false }))
    }
}

/// SplitMix64, as the workloads of `raext compare` have it.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(stream: &Stream) -> Vec<u64> {
        stream.accesses().iter().map(|access| access.index).collect()
    }

    #[test]
    fn each_stream_is_what_its_name_says() {
        assert_eq!(places(&Stream::sequential(8, 12, 4)), [8, 12, 16]);
        assert_eq!(places(&Stream::backward(8, 12, 4)), [16, 12, 8]);
        assert_eq!(places(&Stream::strided(100, -40, 9, 4)), [100, 60, 20]);
        let random = Stream::random(7, 4000, 50, 4);
        assert_eq!(random, Stream::random(7, 4000, 50, 4));
        assert_ne!(random, Stream::random(8, 4000, 50, 4));
        assert!(places(&random).iter().all(|place| place % 4 == 0 && *place < 4000));
        let bursts = places(&Stream::bursts(7, 4000, 3, 32, 16));
        assert_eq!(bursts.len(), 6);
        assert!(bursts.chunks(2).all(|burst| burst[1] == burst[0] + 16), "{bursts:?}");
        let mapped = Stream::sequential(0, 4, 2).mapped();
        assert!(mapped.accesses().iter().all(|access| access.mapped));
    }
}
