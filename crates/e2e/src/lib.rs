// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of the whole share: policies built once, a microVM a test
//! file, and a kernel log that must be clean at the end.

pub mod soak;

use raext_vm::{Engine, GuestObject, KernelChoice, Paths};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the shipped policies lie in the guest.
pub fn guest_path(policy: &str) -> String {
    format!("/policies/{policy}.bpf.o")
}

/// Print progress; the test runner shows it if the test fails.
pub fn step(text: &str) {
    println!("  {text}");
}

/// Build a policy from its source.
///
/// # Panics
/// When it does not build.
pub fn build(code: &Path) -> PathBuf {
    let paths = Paths::find().expect("the tests run in a checkout");
    raext_bpf::build::Builder::new(&paths.root, &paths.build)
        .build(code, &paths.policies(), &step)
        .unwrap_or_else(|error| panic!("{}: {error}", code.display()))
}

/// The object file of a program of `tests/accepted`.
///
/// # Panics
/// When it does not build.
pub fn accepted(name: &str) -> PathBuf {
    let paths = Paths::find().expect("the tests run in a checkout");
    build(&paths.root.join(format!("tests/accepted/{name}.bpf.c")))
}

/// A shipped policy's object file.
///
/// # Panics
/// When it does not build.
pub fn shipped(name: &str) -> PathBuf {
    let paths = Paths::find().expect("the tests run in a checkout");
    let dir = paths.root.join("policies").join(name);
    let c_file = dir.join(format!("{name}.bpf.c"));
    build(if c_file.is_file() { &c_file } else { &dir })
}

/// A file of the host for the guest.
pub fn guest_file(guest: impl Into<String>, host: impl Into<PathBuf>) -> GuestObject {
    GuestObject { guest: guest.into(), host: host.into(), executable: false }
}

/// The command, as `/bin/raext` of the guest.
///
/// # Panics
/// When it is not built.
pub fn raext() -> GuestObject {
    let host = Paths::find().expect("the tests run in a checkout").build.join("bin/raext");
    assert!(host.is_file(), "{} is not built: run `make build`", host.display());
    GuestObject { guest: "/bin/raext".into(), host, executable: true }
}

/// Boot with some shipped policies and more files in the guest.
///
/// # Panics
/// When the machine does not start.
pub fn boot(policies: &[&str], more: Vec<GuestObject>, programs: &[PathBuf]) -> Engine {
    boot_kernel(&usual_kernel(), policies, more, programs)
}

/// The kernel that the tests run on: the default, or what `RAEXT_E2E_KERNEL` says
/// (a series or an image).
///
/// # Panics
/// When the variable is no text.
pub fn usual_kernel() -> KernelChoice {
    let Some(kernel) = std::env::var_os("RAEXT_E2E_KERNEL") else {
        return KernelChoice::default();
    };
    let text = kernel.to_str().expect("RAEXT_E2E_KERNEL is text");
    let Ok(want) = text.parse();
    KernelChoice { want, untested: true }
}

/// As [`boot`], with another kernel than the usual one.
///
/// # Panics
/// When the machine does not start.
pub fn boot_kernel(
    kernel: &KernelChoice,
    policies: &[&str],
    more: Vec<GuestObject>,
    programs: &[PathBuf],
) -> Engine {
    let files = policies.iter().map(|name| guest_file(guest_path(name), shipped(name)));
    Engine::start(kernel, files.chain(more).collect(), programs, &step)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The module's counters, of all policies and events together.
///
/// # Panics
/// When the table cannot be read.
pub fn counters(engine: &mut Engine) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in table(engine, "counters") {
        for (name, word) in row {
            if let Ok(count) = word.parse::<u64>() {
                *sums.entry(name).or_default() += count;
            }
        }
    }
    sums
}

/// A table of the module, row by row, each word by its column. The guest must
/// have `/bin/cat`.
///
/// # Panics
/// When the table cannot be read.
pub fn table(engine: &mut Engine, name: &str) -> Vec<BTreeMap<String, String>> {
    let path = format!("/sys/kernel/debug/readahead_ext/{name}");
    let (status, text, error) = engine.exec(&["cat", &path], &step).expect("cat runs");
    assert_eq!(status, 0, "{path}: {error}");
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().expect("a header").split_whitespace().collect();
    let row = |line: &str| {
        let words = header.iter().zip(line.split_whitespace());
        words.map(|(name, word)| ((*name).to_owned(), word.to_owned())).collect()
    };
    lines.map(row).collect()
}

/// Fail if the kernel complained of anything; else switch off.
///
/// # Panics
/// When it did.
pub fn stop_clean(mut engine: Engine) {
    let log = engine.kernel_log(&step).expect("the kernel's log can be read");
    let bad = complaints(&log);
    assert!(bad.is_empty(), "the kernel complained:\n{bad:#?}");
    engine.stop().expect("the machine switches off");
}

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
        let other = report("hrtimer_forward+0x100/0x170", "somebody+0x165/0x1c0");
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
