// SPDX-License-Identifier: GPL-2.0-only
//! The tracepoint of decisions, as perf and trace-cmd read it: by its format.

use raext_e2e::device::shell;
use raext_e2e::{boot, cases, stop_clean};

cases! {
    the_format_needs_no_header_of_the_module,
}

/// Tools know no constant of the module by its name. The tracepoint has its old name, too.
fn the_format_needs_no_header_of_the_module() {
    let mut guest = boot(&[], vec![], &["/bin/sh".into(), "/bin/cat".into()]);
    for name in ["decision", "readahead_decision"] {
        let path = format!("/sys/kernel/tracing/events/readahead_ext/{name}/format");
        let text = shell(&mut guest, &format!("cat {path}"));
        let format = text.lines().find(|line| line.starts_with("print fmt:"));
        let format = format.unwrap_or_else(|| panic!("{path}: {text}"));
        for word in ["\"kept\"", "\"mark\""] {
            assert!(format.contains(word), "{path}: no {word}: {format}");
        }
        for word in ["RAEXT_", "BPF_FS_RA_"] {
            assert!(!format.contains(word), "{path}: {word} has no value: {format}");
        }
    }
    stop_clean(guest);
}
