// SPDX-License-Identifier: GPL-2.0-only
//! How many times as fast: two runs of a machine whose clocks count instructions
//! ([`boot_counted`](crate::boot_counted)).

/// Print the gain of a pair of runs, and hold it against the least that is promised.
/// One pair is enough: such a machine gives a ratio again within a few per cent.
///
/// # Errors
/// When the gain is less; the text has it.
pub fn gain(what: &str, least: f64, kernel_ns: u64, policy_ns: u64) -> Result<(), String> {
    let gain = kernel_ns as f64 / policy_ns as f64;
    let said = format!("{what}: {gain:.2} times as fast, is to be {least} at least");
    println!("  {said}");
    if gain >= least { Ok(()) } else { Err(said) }
}

#[cfg(test)]
mod tests {
    use super::gain;

    #[test]
    fn what_is_promised_is_enough_and_less_is_told() {
        assert_eq!(gain("a scan", 2.0, 400, 200), Ok(()));
        let told = "a scan: 1.99 times as fast, is to be 2 at least";
        assert_eq!(gain("a scan", 2.0, 398, 200), Err(told.into()));
    }
}
