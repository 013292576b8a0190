// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's log, which must be clean at the end of a test.

/// The lines of a kernel's log that must not be there.
pub fn complaints(log: &[String]) -> Vec<&str> {
    let mut bad = Vec::new();
    let mut rest = log;
    while let [line, after @ ..] = rest {
        let report = foreign_report(rest).unwrap_or_default();
        if report == 0 && is_complaint(line) {
            bad.push(line.as_str());
        }
        rest = &after[report.saturating_sub(1)..];
    }
    bad
}

/// The length, in lines, of a report of a fault that is the kernel's own and
/// known, if the log begins with one: the first lines of it, then a function
/// that is in its call trace.
fn foreign_report(log: &[String]) -> Option<usize> {
    // null_blk starts the timer of its bandwidth whenever it finds it at rest,
    // which it also is while it runs and is about to start itself again.
    const KNOWN: [(&str, &str); 1] = [("hrtimer_forward+0x", " nullb_bwtimer_fn+0x")];
    const END: &str = "---[ end trace";
    let first = log.first().filter(|line| line.contains("WARNING: "))?;
    let end = log.iter().position(|line| line.contains(END))?;
    let report = &log[..=end];
    let lines_with = |words: &str| report.iter().filter(|line| line.contains(words)).count();
    let known = KNOWN.iter().any(|&(place, cause)| first.contains(place) && lines_with(cause) > 0);
    // A second warning in the middle is another one's.
    let one = lines_with("WARNING: ") == 1;
    (known && one).then_some(report.len())
}

/// Warnings that a healthy guest prints are known; everything else is not.
fn is_complaint(line: &str) -> bool {
    const WORDS: [&str; 14] = [
        "WARNING:",
        "BUG:",
        "Oops",
        "general protection",
        "Call Trace",
        "stack guard",
        "lockup",
        "blocked for more than",
        "detected stalls",
        "memory leak",
        "corrupt",
        // Of the soak's kernel: lockdep and kmemleak are in trouble themselves.
        "non-static key",
        "kmemleak",
        "readahead_ext",
    ];
    const HARMLESS: [&str; 3] =
        ["loading out-of-tree module taints kernel", "module verification failed", "report a bug"];
    WORDS.iter().any(|word| line.contains(word)) && !HARMLESS.iter().any(|h| line.contains(h))
}

#[cfg(test)]
mod tests {
    use super::{complaints, is_complaint};

    #[test]
    fn complaints_are_told_from_what_is_usual() {
        assert!(is_complaint("WARNING: CPU: 0 PID: 1 at mm/readahead.c:170"));
        assert!(is_complaint("readahead_ext: cannot hook the readahead functions (-16)"));
        assert!(!is_complaint("readahead_ext: loading out-of-tree module taints kernel."));
        assert!(!is_complaint("MDS CPU bug present and SMT on, data leak possible."));
    }

    #[test]
    fn a_known_report_of_null_blk_is_passed_over_and_no_other() {
        let report = |place: &str, cause: &str| {
            [
                format!("[1.0] WARNING: CPU: 1 PID: 61 at kernel/time/hrtimer.c:1056 {place}"),
                "[1.0] Modules linked in: readahead_ext(O)".into(),
                "[1.0] Call Trace:".into(),
                format!("[1.0]  {cause}"),
                "[1.0] ---[ end trace 0000000000000000 ]---".into(),
            ]
        };
        let known = report("hrtimer_forward+0x100/0x170", "nullb_bwtimer_fn+0x165/0x1c0");
        let other = report("hrtimer_forward+0x100/0x170", "elsewhere+0x165/0x1c0");
        assert!(complaints(&known).is_empty());
        assert_eq!(complaints(&other).len(), 3);
        let after = [&known[..], &["[2.0] BUG: sleeping".to_owned()], &known[..]].concat();
        assert_eq!(complaints(&after), ["[2.0] BUG: sleeping"]);
        // Cut short, or with another report within: nothing is passed over.
        assert_eq!(complaints(&known[..4]).len(), 3);
        let within = [&known[..4], &other[..1], &known[4..]].concat();
        assert_eq!(complaints(&within).len(), 4);
    }
}
