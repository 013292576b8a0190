// SPDX-License-Identifier: GPL-2.0-only
//! From a workload to the offsets that it touches, in order.

use crate::{SmallFiles, Workload, WorkloadSpec};
use std::collections::HashSet;

/// Why a workload cannot be run on any data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the workload {workload} cannot be run: {why}")]
pub struct BadSpec {
    /// The workload.
    pub workload: Workload,
    /// What is wrong with its numbers.
    pub why: &'static str,
}

/// Bytes of a word of the data.
const WORD: u64 = 8;
/// Bytes of a page.
const PAGE: u64 = 4096;
/// Streams of [`Workload::Interleaved`].
const STREAMS: u64 = 3;

/// Whether the workload touches pages of a mapping instead of reading.
pub fn is_mapped(workload: Workload) -> bool {
    matches!(workload, Workload::MmapSeq | Workload::MmapRandom | Workload::MmapBackward)
}

fn is_strided(workload: Workload) -> bool {
    matches!(workload, Workload::Stride | Workload::StrideBackward)
}

/// The byte offset of each access.
pub fn offsets(spec: &WorkloadSpec, data_bytes: u64) -> Vec<u64> {
    let ops = 0..spec.ops;
    match spec.workload {
        Workload::SeqRead | Workload::MmapSeq => ops.map(|op| op * spec.op_bytes).collect(),
        Workload::Stride => ops.map(|op| op * spec.stride_bytes).collect(),
        Workload::StrideBackward => ops.rev().map(|op| op * spec.stride_bytes).collect(),
        Workload::Backward | Workload::MmapBackward => {
            ops.rev().map(|op| op * spec.op_bytes).collect()
        }
        Workload::Interleaved => {
            // They begin at the thirds of the file.
            let third = data_bytes / STREAMS / spec.op_bytes * spec.op_bytes;
            ops.map(|op| op % STREAMS * third + op / STREAMS * spec.op_bytes).collect()
        }
        Workload::RandomRead | Workload::MmapRandom => random(spec, data_bytes),
        Workload::RandomBurst => bursts(spec, data_bytes),
        Workload::Phases => phases(spec, data_bytes),
    }
}

/// Bytes of data that the workload needs.
///
/// # Errors
/// When the workload cannot be run on any data: it does nothing, its accesses
/// are not made of whole words or not of one page of a mapping each, or its
/// numbers do not fit.
pub fn data_bytes_needed(spec: &WorkloadSpec) -> Result<u64, BadSpec> {
    let bad = |why| BadSpec { workload: spec.workload, why };
    if spec.ops == 0 || spec.op_bytes == 0 {
        return Err(bad("it accesses nothing; ops and op_bytes are at least 1"));
    }
    let stride = is_strided(spec.workload);
    // What the data holds is known by the word.
    let whole = |bytes: u64| bytes.is_multiple_of(WORD);
    if !whole(spec.op_bytes) || stride && !whole(spec.stride_bytes) {
        return Err(bad("op_bytes and stride_bytes are multiples of 8"));
    }
    // One touch is one page: the others would be read when the clock is off.
    if is_mapped(spec.workload) && spec.op_bytes > PAGE {
        return Err(bad("op_bytes of a mapping is 4096 at most"));
    }
    let needed = if stride {
        let last = (spec.ops - 1).checked_mul(spec.stride_bytes);
        last.and_then(|last| last.checked_add(spec.op_bytes))
    } else {
        spec.ops.checked_mul(spec.op_bytes)
    };
    needed.ok_or_else(|| bad("its length does not fit into 64 bits"))
}

/// Bytes of each small file.
pub fn sizes(small: &SmallFiles) -> Vec<u64> {
    let mut numbers = SplitMix(small.seed);
    let span = small.most_pages.saturating_sub(small.least_pages) + 1;
    (0..small.files).map(|_| (small.least_pages + numbers.below(span)) * PAGE).collect()
}

/// Different random offsets, aligned to the size of an access; the same for the
/// same seed.
fn random(spec: &WorkloadSpec, data_bytes: u64) -> Vec<u64> {
    let slots = data_bytes / spec.op_bytes;
    let mut numbers = SplitMix(spec.seed);
    let mut seen = HashSet::new();
    let mut offsets = Vec::new();
    while (offsets.len() as u64) < spec.ops.min(slots) {
        let slot = numbers.below(slots);
        if seen.insert(slot) {
            offsets.push(slot * spec.op_bytes);
        }
    }
    offsets
}

/// Sequential runs of 4 to 16 accesses at random places. A run ends with the file,
/// and places may overlap, as they do in random bursts.
fn bursts(spec: &WorkloadSpec, data_bytes: u64) -> Vec<u64> {
    let slots = data_bytes / spec.op_bytes;
    let mut numbers = SplitMix(spec.seed);
    let mut offsets = Vec::new();
    while (offsets.len() as u64) < spec.ops {
        let (start, length) = (numbers.below(slots), 4 + numbers.below(13));
        let end = (start + length).min(slots);
        offsets.extend((start..end).map(|slot| slot * spec.op_bytes));
    }
    offsets.truncate(spec.ops as usize);
    offsets
}

/// Three eighths in sequence from the start, a quarter at random, three eighths in
/// sequence from the middle of the file.
fn phases(spec: &WorkloadSpec, data_bytes: u64) -> Vec<u64> {
    let slots = data_bytes / spec.op_bytes;
    let sequential = spec.ops * 3 / 8;
    let amid = WorkloadSpec { ops: spec.ops - 2 * sequential, ..*spec };
    let slot = |slot: u64| slot % slots * spec.op_bytes;
    let last = (slots / 2..slots / 2 + sequential).map(slot);
    (0..sequential).map(slot).chain(random(&amid, data_bytes)).chain(last).collect()
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014): small, and the same everywhere for the same seed.
pub struct SplitMix(pub u64);

impl SplitMix {
    /// Any number.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end` - 1; `end` is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(end)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(workload: Workload, op_bytes: u64, ops: u64) -> WorkloadSpec {
        WorkloadSpec { workload, op_bytes, ops, stride_bytes: 512, seed: 7 }
    }

    #[test]
    fn each_pattern_is_what_its_name_says() {
        let of = |workload| offsets(&spec(workload, 64, 4), 4096);
        assert_eq!(of(Workload::SeqRead), [0, 64, 128, 192]);
        assert_eq!(of(Workload::MmapSeq), [0, 64, 128, 192]);
        assert_eq!(of(Workload::Stride), [0, 512, 1024, 1536]);
        assert_eq!(of(Workload::Backward), [192, 128, 64, 0]);
        assert_eq!(of(Workload::Interleaved), [0, 1344, 2688, 64]);
        assert_eq!(of(Workload::MmapBackward), [192, 128, 64, 0]);
        assert_eq!(of(Workload::StrideBackward), [1536, 1024, 512, 0]);
    }

    #[test]
    fn a_change_of_mind_is_two_of_them() {
        let all = offsets(&spec(Workload::Phases, 64, 16), 4096);
        assert_eq!(all[..6], [0, 64, 128, 192, 256, 320]);
        assert_eq!(all[10..], [2048, 2112, 2176, 2240, 2304, 2368]);
        assert!(all[6..10].windows(2).any(|pair| pair[1] != pair[0] + 64), "{all:?}");
    }

    #[test]
    fn bursts_are_short_and_far_apart() {
        let all = offsets(&spec(Workload::RandomBurst, 64, 200), 1 << 20);
        let jumps = all.windows(2).filter(|pair| pair[1] != pair[0] + 64).count();
        assert_eq!(all.len(), 200);
        assert!((200 / 16..=200 / 4).contains(&jumps), "{jumps}");
    }

    #[test]
    fn random_accesses_are_aligned_and_do_not_repeat() {
        let spec = spec(Workload::RandomRead, 64, 64);
        let mut all = offsets(&spec, 4096);
        assert_eq!(all, offsets(&spec, 4096), "another order for the same seed");
        assert_ne!(all, offsets(&WorkloadSpec { seed: 8, ..spec }, 4096));
        all.sort_unstable();
        assert_eq!(all, (0..64).map(|slot| slot * 64).collect::<Vec<_>>());
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let sound = spec(Workload::Stride, 64, 4);
        assert_eq!(data_bytes_needed(&sound).unwrap(), 3 * 512 + 64);
        for bad in [
            WorkloadSpec { ops: 0, ..sound },
            WorkloadSpec { op_bytes: 0, ..sound },
            WorkloadSpec { op_bytes: 100, ..sound },
            WorkloadSpec { stride_bytes: 100, ..sound },
            WorkloadSpec { ops: u64::MAX, ..sound },
            spec(Workload::MmapRandom, 8192, 4),
        ] {
            let refused = data_bytes_needed(&bad);
            assert!(matches!(refused, Err(BadSpec { .. })), "{bad:?}: {refused:?}");
        }
    }

    #[test]
    fn nothing_lies_outside_of_what_is_needed() {
        for workload in Workload::every() {
            let spec = workload.default_spec();
            let needed = data_bytes_needed(&spec).unwrap();
            assert!(offsets(&spec, 1 << 28).iter().all(|at| at + spec.op_bytes <= 1 << 28));
            assert!(needed <= 1 << 28, "{workload} needs {needed} bytes");
        }
    }
}
