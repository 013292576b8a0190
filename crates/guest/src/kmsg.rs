// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's log since boot, by level.

use crate::error::Context;
use raext_model::Failure;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read};

const KMSG: &str = "/dev/kmsg";
/// The least severe level that is reported: 4 is a warning.
const WARNING: u32 = 4;
/// More than the kernel makes of one record (its CONSOLE_EXT_LOG_MAX is 8192).
const RECORD_MAX: usize = 16 << 10;

/// The lines of level warning and worse, oldest first, with their time stamps.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn warnings() -> Result<Vec<String>, Failure> {
    lines(WARNING)
}

/// The lines of this level and of more severe ones, oldest first, with their time
/// stamps. 7 is the least severe.
///
/// # Errors
/// When the log cannot be read.
pub fn lines(least: u32) -> Result<Vec<String>, Failure> {
    let log = open(KMSG, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
        .context(|| format!("open {KMSG}"))?;
    let mut record = vec![0; RECORD_MAX];
    let mut lines = Vec::new();
    loop {
        match read(&log, record.as_mut_slice()) {
            Ok(0) | Err(Errno::AGAIN) => return Ok(lines),
            Ok(n) => lines.extend(line(&String::from_utf8_lossy(&record[..n]), least)),
            // The record was overwritten before it was read: the next read
            // goes on with the oldest one that is left.
            Err(Errno::PIPE | Errno::INTR) => {}
            Err(error) => return Err(error).context(|| format!("read {KMSG}")),
        }
    }
}

/// One record, `priority,sequence,microseconds,flags[,..];text`, as a line of
/// `dmesg`; `None` if it is less severe than `least` or no record.
fn line(record: &str, least: u32) -> Option<String> {
    let (head, body) = record.split_once(';')?;
    let mut fields = head.split(',');
    // The lower three bits are the level, the others the facility.
    let level = fields.next()?.parse::<u32>().ok()? & 7;
    let micros: u64 = fields.nth(1)?.parse().ok()?;
    // Lines after the first are the record's device properties.
    let text = body.lines().next().unwrap_or_default();
    (level <= least).then(|| format!("[{:5}.{:06}] {text}", micros / 1_000_000, micros % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::{WARNING, line};

    /// For debugging.
    const DEBUG: u32 = 7;

    #[test]
    fn warnings_pass_and_the_rest_does_not() {
        assert_eq!(
            line(
                "4,339,1593206,-;WARNING: CPU: 0 PID: 1 at mm/readahead.c:7\n SUBSYSTEM=x\n",
                WARNING
            ),
            Some("[    1.593206] WARNING: CPU: 0 PID: 1 at mm/readahead.c:7".into())
        );
        assert_eq!(line("6,340,1593207,-;all is well\n", WARNING), None);
        assert!(line("6,340,1593207,-;all is well\n", DEBUG).is_some());
        // Facility 1 (user), level 3.
        assert_eq!(
            line("11,341,2000000,c,caller=T1;bad\n", WARNING),
            Some("[    2.000000] bad".into())
        );
        assert_eq!(line("no record", DEBUG), None);
    }
}
