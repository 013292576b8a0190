// SPDX-License-Identifier: GPL-2.0-only
//! Progress on standard error: each step by its name, a bar for the long ones.
//! Where standard error is no terminal, one plain line a step.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use raext_model::Progress;
use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows the steps of a command.
pub(crate) struct Steps {
    bar: ProgressBar,
    plain: bool,
    /// Where there is no terminal, say nothing at all.
    hushed: Cell<bool>,
    last: RefCell<Option<(String, Instant)>>,
}

impl Steps {
    /// A step display with nothing to show yet.
    pub(crate) fn new() -> Self {
        let plain = !std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() },
        );
        bar.set_style(spinner());
        if !plain {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, plain, hushed: Cell::new(false), last: RefCell::new(None) }
    }

    /// Without a terminal, print no lines for steps from now on: standard error is
    /// the output of another program.
    pub(crate) fn hush(&self) {
        self.hushed.set(true);
    }

    /// Set how far a counted step is, and what comes next. Where there is no terminal,
    /// each part has a line, or ten lines are enough.
    pub(crate) fn at(&self, done: u64, total: u64, what: &str, each: bool) {
        self.bar.set_style(known());
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(what.to_owned());
        self.last.borrow_mut().take();
        let tenth = |done: u64| done * 10 / total.max(1);
        if self.plain && (each || done == 0 || tenth(done) != tenth(done - 1)) {
            eprintln!("raext: {done} of {total}: {what}");
        }
    }

    /// Remove the display.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Steps {
    /// A text of several lines is no step: it is shown whole.
    fn step(&self, name: &str) {
        if name.contains('\n') {
            self.bar.suspend(|| eprintln!("raext: {name}"));
            return;
        }
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_some_and(|(old, _)| old == name) {
            return;
        }
        self.bar.set_style(spinner());
        if let Some((old, since)) = last.replace((name.to_owned(), Instant::now()))
            && since.elapsed() > Duration::from_secs(1)
            && !self.plain
        {
            self.bar.println(format!("  {old} ({:.1} s)", since.elapsed().as_secs_f64()));
        }
        if self.plain && !self.hushed.get() {
            eprintln!("raext: {name}");
        }
        self.bar.set_message(name.to_owned());
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| eprintln!("raext: {text}"));
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn known() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
