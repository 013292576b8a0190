// SPDX-License-Identifier: GPL-2.0-only
//! In which order, and where: by chance, and the same for the same seed.

use raext_model::SplitMix;

/// Every item once, in any order: nothing is left out for long.
pub(super) fn shuffled<T: Copy>(items: &[T], numbers: &mut SplitMix) -> Vec<T> {
    let mut deck = items.to_vec();
    for end in (1..deck.len()).rev() {
        deck.swap(end, numbers.below(end as u64 + 1) as usize);
    }
    deck
}

/// A range inside of `0..end`: its start and its length (at least `unit`, at
/// most `most`) are multiples of `unit`. `None` if there is none.
pub(super) fn range(numbers: &mut SplitMix, end: u64, unit: u64, most: u64) -> Option<(u64, u64)> {
    let slots = end / unit;
    if slots == 0 {
        return None;
    }
    let start = numbers.below(slots);
    let len = 1 + numbers.below((slots - start).min(most / unit));
    Some((start * unit, len * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deck_has_every_card_once() {
        let mut numbers = SplitMix(3);
        let cards: Vec<u32> = (0..20).collect();
        let mut deck = shuffled(&cards, &mut numbers);
        assert_ne!(deck, cards);
        assert_ne!(deck, shuffled(&cards, &mut numbers));
        deck.sort_unstable();
        assert_eq!(deck, cards);
    }

    #[test]
    fn ranges_are_inside_and_reach_both_ends() {
        let mut numbers = SplitMix(3);
        let (mut first, mut last, mut longest) = (u64::MAX, 0, 0);
        for _ in 0..1000 {
            let (at, len) = range(&mut numbers, 1000, 8, 80).unwrap();
            assert!(at % 8 == 0 && len % 8 == 0 && (8..=80).contains(&len) && at + len <= 1000);
            (first, last, longest) = (first.min(at), last.max(at + len), longest.max(len));
        }
        assert_eq!((first, last, longest), (0, 1000, 80));
        assert_eq!(range(&mut numbers, 7, 8, 80), None);
    }
}
