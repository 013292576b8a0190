// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of the whole share: policies built once, a microVM a test
//! file, and a kernel log that must be clean at the end.

pub mod soak;

use raext_engine::{Engine, GuestObject, KernelChoice, Paths};
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
    raext_build::Builder::new(&paths.root, &paths.build)
        .build(code, &paths.policies(), &step)
        .unwrap_or_else(|error| panic!("{}: {error}", code.display()))
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
    log.iter().map(String::as_str).filter(|line| is_complaint(line)).collect()
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
    use super::is_complaint;

    #[test]
    fn complaints_are_told_from_what_is_usual() {
        assert!(is_complaint("WARNING: CPU: 0 PID: 1 at mm/readahead.c:170"));
        assert!(is_complaint("readahead_ext: cannot hook the readahead functions (-16)"));
        assert!(!is_complaint("readahead_ext: loading out-of-tree module taints kernel."));
        assert!(!is_complaint("MDS CPU bug present and SMT on, data leak possible."));
    }
}
