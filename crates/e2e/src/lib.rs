// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of the whole share: a list of cases that run side by side,
//! policies built once, guests that serve one test after the other, and a kernel
//! log that must be clean at the end of each.

pub mod agent;
mod cases;
pub mod device;
mod gain;
mod guest;
mod log;
mod policies;
pub mod requests;
mod run;
pub mod soak;

pub use cases::Case;
pub use gain::gain;
pub use guest::{Guest, agent_file, boot, boot_counted, boot_kernel, stop_clean, usual_kernel};
pub use log::complaints;
pub use policies::{Refused, accepted, foreign, refused, shipped};
pub use run::main;

use raext_vm::{GuestObject, Paths};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the shipped policies lie in the guest.
pub fn guest_path(policy: &str) -> String {
    format!("/policies/{policy}.bpf.o")
}

/// Print progress; it is shown if the test fails.
pub fn step(text: &str) {
    println!("  {text}");
}

/// Build a policy of a test's own from its source.
///
/// # Panics
/// When it does not build.
pub fn build(code: &Path, out: &Path) -> PathBuf {
    let paths = Paths::find().expect("the tests run in a checkout");
    policies::builder(&paths)
        .build(code, out)
        .unwrap_or_else(|error| panic!("{}: {error}", code.display()))
}

/// A file of the host for the guest.
pub fn guest_file(guest: impl Into<String>, host: impl Into<PathBuf>) -> GuestObject {
    GuestObject { guest: guest.into(), host: host.into(), executable: false }
}

/// A bpftool that knows the types of modules.
///
/// # Panics
/// When there is none.
pub fn recent_bpftool() -> PathBuf {
    let build = Paths::find().expect("the tests run in a checkout").build;
    let path = build.join("tools/bpftool/usr/sbin/bpftool");
    assert!(
        path.is_file(),
        "no bpftool that knows types of modules (7.4 or later) in {}: `make setup` fetches one \
         from bookworm-backports",
        path.display()
    );
    path
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

/// The module's counters, of all policies and events together.
///
/// # Panics
/// When the table cannot be read.
pub fn counters(guest: &mut Guest) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in table(guest, "counters") {
        for (name, word) in row {
            if let Ok(count) = word.parse::<u64>() {
                *sums.entry(name).or_default() += count;
            }
        }
    }
    sums
}

/// A table of the module, row by row, each word by its column.
///
/// # Panics
/// When the table cannot be read.
pub fn table(guest: &mut Guest, name: &str) -> Vec<BTreeMap<String, String>> {
    let path = format!("/sys/kernel/debug/readahead_ext/{name}");
    let (status, text, error) = guest.exec(&["cat", &path]).expect("cat runs");
    assert_eq!(status, 0, "{path}: {error}");
    let rows = raext_bpf::load::parse_table(&text).expect("a header and rows of as many words");
    rows.into_iter().map(raext_bpf::load::Row::into_words).collect()
}
