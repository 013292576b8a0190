// SPDX-License-Identifier: GPL-2.0-only
//! The guest's serial console: read by a thread, so that the guest never waits
//! for us, and looked at line by line as it comes.

use crate::machine::trouble::Trouble;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How many lines are remembered, and how many of them an error shows.
const REMEMBERED: usize = 200;
const SHOWN: usize = 15;

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    trouble: Trouble,
    closed: bool,
}

/// The text of a console so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Console(Arc<(Mutex<State>, Condvar)>);

impl Console {
    /// Read `from` to its end in a thread of its own, copying it to `log`.
    /// `notify` is called when the kernel begins to report its end, and when the
    /// console is closed, which is QEMU's end.
    pub(super) fn follow(
        from: impl Read + Send + 'static,
        mut log: Option<File>,
        notify: impl Fn() + Send + 'static,
    ) -> Self {
        let console = Self::default();
        let ours = console.clone();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            // A console that cannot be read any more is as good as closed.
            while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                if let Some(file) = &mut log {
                    // A full disk ends the log, not the machine.
                    if file.write_all(&line).is_err() {
                        log = None;
                    }
                }
                if ours.take(String::from_utf8_lossy(&line).trim_end()) {
                    notify();
                }
                line.clear();
            }
            ours.lock().closed = true;
            ours.0.1.notify_all();
            notify();
        });
        console
    }

    /// Remember a line. Returns whether it is the first of a kernel's report.
    fn take(&self, line: &str) -> bool {
        let mut state = self.lock();
        if state.lines.len() == REMEMBERED {
            state.lines.pop_front();
        }
        state.lines.push_back(line.to_owned());
        let news = state.trouble.see(line);
        if state.trouble.has_panicked() {
            self.0.1.notify_all();
        }
        news
    }

    /// Wait until the machine has closed the console, but no longer than `limit`.
    pub(super) fn wait_closed(&self, limit: Duration) {
        self.wait(limit, |state| state.closed);
    }

    /// Wait until the kernel panics or the machine has closed the console, but
    /// no longer than `limit`. Of a panic, the call trace may still follow.
    pub(super) fn wait_panic(&self, limit: Duration) {
        self.wait(limit, |state| state.closed || state.trouble.has_panicked());
    }

    fn wait(&self, limit: Duration, until: impl Fn(&State) -> bool) {
        let waited = self.0.1.wait_timeout_while(self.lock(), limit, |state| !until(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the machine has closed it, by ending.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The kernel's report of its end, if there is one.
    pub(super) fn words(&self) -> Option<String> {
        Some(self.lock().trouble.words()).filter(|words| !words.is_empty())
    }

    /// The last lines, for an error.
    pub(super) fn tail(&self) -> String {
        let state = self.lock();
        if state.lines.is_empty() {
            return "(it is empty)".into();
        }
        let skipped = state.lines.len().saturating_sub(SHOWN);
        state.lines.range(skipped..).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    #[test]
    fn a_console_is_followed_to_its_end() {
        let text = (0..300).map(|n| format!("line {n}\r\n")).collect::<String>()
            + "[    9.0] Kernel panic - not syncing: why\n";
        let (to, events) = mpsc::channel();
        let log = tempfile::NamedTempFile::new().unwrap();
        let console = Console::follow(
            std::io::Cursor::new(text.clone()),
            Some(log.reopen().unwrap()),
            move || to.send(()).unwrap(),
        );
        assert_eq!(events.iter().count(), 2, "the report and the end");
        console.wait_panic(Duration::ZERO);
        assert_eq!(console.words().as_deref(), Some("Kernel panic - not syncing: why"));
        let tail = console.tail();
        assert!(tail.starts_with("line 286\nline 287\n"), "{tail}");
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), text);
    }

    #[test]
    fn a_silent_console_says_so_and_is_not_waited_for_beyond_the_limit() {
        let console = Console::default();
        let start = Instant::now();
        console.wait_closed(Duration::from_millis(20));
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(console.tail(), "(it is empty)");
        assert_eq!(console.words(), None);
    }
}
