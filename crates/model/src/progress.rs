// SPDX-License-Identifier: GPL-2.0-only
//! How long work is shown, and how it is stopped.
//!
//! An object that works for long owns an `Rc<dyn Progress>`: the microVM's session,
//! the kernels' cache, an experiment. The command shows it on the terminal, the
//! tests print it, and [`Silent`] drops it.

/// The display of long work.
pub trait Progress {
    /// A step begins; the one before has ended.
    fn step(&self, text: &str);
    /// A run of an experiment begins.
    fn run(&self, what: &str, left: Left) {
        let _ = left;
        self.step(what);
    }
    /// A text to be read, of any number of lines.
    fn note(&self, text: &str) {
        self.step(text);
    }
    /// Whether the user wants the work to end after the run at hand.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// The work that an experiment still has before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Runs.
    pub runs: u64,
    /// The time that they may take, seconds.
    pub seconds: u64,
}

/// No display.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str) {}
}

/// A closure that takes each step as a line.
#[derive(Debug, Clone, Copy)]
pub struct Lines<F>(pub F);

impl<F: Fn(&str)> Progress for Lines<F> {
    fn step(&self, text: &str) {
        (self.0)(text);
    }
}
