// SPDX-License-Identifier: GPL-2.0-only
//! An experiment's progress on the terminal, stopped by the signals that end a command.

use crate::exit::{Exit, Result};
use crate::kernels;
use crate::steps::Steps;
use raext_measure::experiment::{
    Experiment, Header, Known, MemoryStore, MicroVms, Plan, SlowRule, Store as _,
};
use raext_measure::report::Report;
use raext_model::{IoExt as _, Left, Progress};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state of the display.
pub(crate) struct Shown {
    steps: Rc<Steps>,
    total: Cell<u64>,
    /// Whether each run has a line of its own where there is no terminal.
    each: bool,
    stopped: Arc<AtomicBool>,
}

impl Shown {
    /// For runs until the end.
    pub(crate) fn new(steps: &Rc<Steps>) -> Self {
        Self {
            steps: Rc::clone(steps),
            total: Cell::default(),
            each: false,
            stopped: Arc::default(),
        }
    }

    /// So much is to be done.
    pub(crate) fn expect(&self, left: Left) {
        self.total.set(left.runs);
    }

    /// For many long runs, whose measurements are kept: a signal ends them after the run.
    pub(crate) fn stoppable(steps: &Rc<Steps>) -> Result<Self> {
        let shown = Self { each: true, ..Self::new(steps) };
        for signal in [SIGINT, SIGTERM] {
            // The second one ends the command at once; nothing is lost by that.
            signal_hook::flag::register_conditional_shutdown(signal, 130, shown.stopped.clone())
                .ours("waiting for", Path::new("signals"))?;
            signal_hook::flag::register(signal, shown.stopped.clone())
                .ours("waiting for", Path::new("signals"))?;
        }
        Ok(shown)
    }
}

impl Progress for Shown {
    fn step(&self, text: &str) {
        self.steps.step(text);
    }

    fn run(&self, what: &str, left: Left) {
        let text = format!("{what} (about {} left)", duration(left.seconds));
        let total = self.total.get();
        self.steps.at(total.saturating_sub(left.runs), total, &text, self.each);
    }

    fn note(&self, text: &str) {
        self.steps.note(text);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Measure a whole plan, and keep its measurements in memory.
pub(crate) fn measured(
    plan: Plan,
    mut machines: MicroVms,
    steps: &Rc<Steps>,
) -> Result<MemoryStore> {
    let release = kernels::release(&plan.kernel, steps)?;
    let mut store = MemoryStore::new(Header::new(release, plan.contenders.clone()));
    let progress = Rc::new(Shown::new(steps));
    progress.expect(plan.left(store.known()));
    Experiment { plan, store: &mut store, machines: &mut machines, progress }.run()?;
    steps.finish();
    Ok(store)
}

/// Print the flaws of all cells; a plan with one ends as a refusal.
pub(crate) fn flaws(known: &Known) -> Exit {
    let flaws = Report::of(known, SlowRule::NONE, &[]).flaws();
    for flaw in &flaws {
        eprintln!("raext: {flaw}");
    }
    if flaws.is_empty() { Exit::Done } else { Exit::Refused }
}

/// A time for people.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!([5, 100, 7200].map(duration), ["5 s", "2 min", "2.0 h"]);
    }
}
