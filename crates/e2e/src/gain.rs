// SPDX-License-Identifier: GPL-2.0-only
//! How many times as fast: the median of a few pairs of runs.

/// Measure up to `pairs` pairs, an odd number, and compare the median of their
/// gains with the least that is promised. Pairs that cannot change the result any
/// more are not measured.
///
/// # Errors
/// When the median is less; the text has all gains.
pub fn gain(
    what: &str,
    pairs: usize,
    least: f64,
    mut pair: impl FnMut() -> f64,
) -> Result<(), String> {
    let majority = pairs / 2 + 1;
    let (mut enough, mut gains) = (0, Vec::new());
    while enough < majority && gains.len() - enough < majority {
        let gain = pair();
        enough += usize::from(gain >= least);
        gains.push(gain);
    }
    let said = format!("{what}: {gains:.2?} times as fast, the median is to be {least} at least");
    println!("  {said}");
    if enough == majority { Ok(()) } else { Err(said) }
}

#[cfg(test)]
mod tests {
    use super::gain;

    /// The result, and how many pairs were measured.
    fn of(gains: &[f64]) -> (bool, usize) {
        let mut left = gains.iter();
        let passed = gain("a test", 5, 2.0, || *left.next().unwrap()).is_ok();
        (passed, gains.len() - left.len())
    }

    #[test]
    fn measuring_ends_when_the_median_is_known_to_be_enough_or_not() {
        assert_eq!(of(&[2.0, 3.0, 2.5]), (true, 3));
        assert_eq!(of(&[1.0, 1.9, 1.5]), (false, 3));
        assert_eq!(of(&[3.0, 1.0, 3.0, 1.0, 3.0]), (true, 5));
        assert_eq!(of(&[3.0, 1.0, 3.0, 1.0, 1.0]), (false, 5));
    }
}
