// SPDX-License-Identifier: GPL-2.0-only
//! From rows and columns to measurements: one boot for the rows of a place, each
//! row's columns in turns, each run kept as soon as it has ended.
//!
//! A policy is attached for the data's device just before a run and detached just
//! after it: it knows nothing of the runs before.

use crate::bench::column::Column;
use crate::bench::cost::costs;
use crate::bench::error::BenchError;
use crate::bench::results::{Cell, Results, order};
use crate::bench::row::{Outcome, Row};
use crate::bench::store::{Boot, Line, RowLine, RunLine, Store};
use raext_model::Placement;
use raext_vm::{Engine, EngineError, GuestObject, KernelChoice, Setup};
use std::time::Instant;

/// How often a machine that ended by itself is booted again for the same run.
const BOOTS: u32 = 2;

/// A bench.
pub struct Bench {
    /// The columns.
    pub columns: Vec<Column>,
    /// How often each cell is measured.
    pub repeats: u32,
    /// The kernel of the machine.
    pub kernel: KernelChoice,
    /// The command line.
    pub command: String,
    /// The rows.
    pub rows: Vec<Box<dyn Row>>,
    /// Where it is kept.
    pub store: Store,
}

/// Who is told how far it is.
pub trait Progress {
    /// Begin a step.
    fn step(&self, text: &str);

    /// A run is about to be made: what, and how many are left in how many seconds.
    fn run(&self, what: &str, left: u64, seconds: u64);

    /// Something that is to be read.
    fn note(&self, text: &str);

    /// Whether to stop before the next run.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// What a run came to.
enum Ended {
    /// The outcome is kept.
    Kept,
    /// The machine is gone.
    Lost(String),
}

/// A row's id.
pub fn id(row: &dyn Row) -> String {
    format!("{}@{}", row.name(), row.place())
}

/// Runs of these rows that are to be made where there are these results, and how
/// long they may take, seconds.
pub fn left(
    results: &Results,
    rows: &[Box<dyn Row>],
    columns: &[Column],
    repeats: u32,
) -> (u64, u64) {
    let mean = results.mean_ms();
    let of = |row: &dyn Row| match results.row(&id(row)) {
        Some(known) => known.left(columns, repeats, mean),
        None => {
            let runs = order(columns.len(), repeats).count() as u64;
            (runs, runs * mean)
        }
    };
    let (runs, ms) =
        rows.iter().map(|row| of(row.as_ref())).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    (runs, ms / 1000)
}

impl Bench {
    /// What was measured so far.
    pub fn results(&self) -> Results {
        let columns = self.columns.clone();
        Results::of(self.store.lines()).unwrap_or_else(|| Results::empty(columns))
    }

    /// Runs that are to be made, and how long they may take, seconds.
    pub fn left(&self) -> (u64, u64) {
        left(&self.results(), &self.rows, &self.columns, self.repeats)
    }

    /// Have the rows that are complete measured again. Those that are not go on
    /// where they were.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn again(&mut self) -> Result<(), BenchError> {
        let results = self.results();
        for row in &self.rows {
            let row = id(row.as_ref());
            let Some(known) = results.row(&row) else { continue };
            if known.left(&self.columns, self.repeats, 0).0 == 0 {
                self.store.append(Line::Again { row })?;
            }
        }
        Ok(())
    }

    /// Measure everything that is not measured yet.
    ///
    /// # Errors
    /// When the store cannot be written, or there is no machine. That a row cannot
    /// be run is no error.
    pub fn measure(&mut self, progress: &dyn Progress) -> Result<(), BenchError> {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let group = format!("{} {}", row.place(), row.machine());
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, rows)) => rows.push(at),
                None => groups.push((group, vec![at])),
            }
        }
        for (_, group) in groups {
            self.measure_group(&group, progress)?;
        }
        Ok(())
    }

    /// Rows that share a machine.
    fn measure_group(
        &mut self,
        group: &[usize],
        progress: &dyn Progress,
    ) -> Result<(), BenchError> {
        let mut lost: Option<((usize, Cell), u32)> = None;
        loop {
            let rows: Vec<_> =
                group.iter().copied().filter(|row| self.next(*row).is_some()).collect();
            if rows.is_empty() || progress.is_stopped() {
                return Ok(());
            }
            let Some((mut engine, rows)) = self.boot(&rows, progress)? else { continue };
            let mut again = None;
            for row in rows {
                if let Some(end) = self.measure_row(row, &mut engine, progress)? {
                    again = Some((row, end));
                    break;
                }
                if progress.is_stopped() {
                    break;
                }
            }
            let Some((row, (cell, why))) = again else {
                // It has said all that it had to.
                let _ = engine.stop();
                return Ok(());
            };
            drop(engine);
            if progress.is_stopped() {
                // What stopped this may have ended the machine, too.
                return Ok(());
            }
            let times = match lost {
                Some((same, times)) if same == (row, cell) => times + 1,
                _ => 1,
            };
            progress.note(&format!("the machine ended: {why}"));
            if times >= BOOTS {
                self.keep(row, cell, 0, Err(format!("the machine ended: {why}")))?;
                lost = None;
            } else {
                lost = Some(((row, cell), times));
            }
        }
    }

    /// Count the instructions of the decisions of policies, where that was not done.
    ///
    /// # Errors
    /// As [`Bench::measure`].
    pub fn measure_costs(&mut self, progress: &dyn Progress) -> Result<(), BenchError> {
        let known = self.results().costs;
        let is_left = |column: &Column| match column {
            Column::Policy(policy) => known.iter().all(|cost| cost.policy != policy.label),
            _ => false,
        };
        let left: Vec<_> =
            (0..self.columns.len()).filter(|at| is_left(&self.columns[*at])).collect();
        if left.is_empty() || progress.is_stopped() {
            return Ok(());
        }
        for cost in costs(&self.columns, &left, &self.kernel, progress)? {
            self.store.append(Line::Cost(cost))?;
        }
        Ok(())
    }

    /// A machine for these rows, and those of them that can be run on it.
    fn boot(
        &mut self,
        rows: &[usize],
        progress: &dyn Progress,
    ) -> Result<Option<(Engine, Vec<usize>)>, BenchError> {
        let step = |text: &str| progress.step(text);
        let objects = self.columns.iter().enumerate().filter_map(|(at, column)| match column {
            Column::Policy(policy) => Some(GuestObject {
                guest: guest(at),
                host: policy.object.clone(),
                executable: false,
            }),
            _ => None,
        });
        let objects = objects.collect();
        let mut setup = Setup { kernel: self.kernel.clone(), objects, ..Setup::default() };
        let mut fit = Vec::new();
        for &row in rows {
            let provided = self.rows[row].provide(&mut setup, &step);
            self.store.define(line(self.rows[row].as_ref()))?;
            match provided {
                Ok(()) => fit.push(row),
                Err(why) => self.give_up(row, &why, progress)?,
            }
        }
        if fit.is_empty() {
            return Ok(None);
        }
        let engine = Engine::start_with(setup, &step)?;
        let accelerator = engine.accelerator();
        let boot = Boot {
            host_cpus: std::thread::available_parallelism().map_or(0, |n| n.get() as u32),
            date: date(),
            command: self.command.clone(),
            accelerator,
        };
        self.store.append(Line::Boot(boot))?;
        Ok(Some((engine, fit)))
    }

    /// Measure a row; the run at which the machine ended, if it did.
    fn measure_row(
        &mut self,
        row: usize,
        engine: &mut Engine,
        progress: &dyn Progress,
    ) -> Result<Option<(Cell, String)>, BenchError> {
        let Some(first) = self.next(row) else { return Ok(None) };
        let step = |text: &str| progress.step(text);
        let prepared = self.rows[row].prepare(engine, &step);
        let dev =
            prepared.and_then(|()| engine.data_device(&step).map_err(|error| error.to_string()));
        let dev = match dev {
            Ok(dev) => dev,
            Err(why) if is_gone(engine) => return Ok(Some((first, why))),
            Err(why) => return self.give_up(row, &why, progress).map(|()| None),
        };
        while let Some(cell) = self.next(row) {
            if progress.is_stopped() {
                break;
            }
            let (left, seconds) = self.left();
            let label =
                cell.column.map_or_else(|| "all cached".into(), |at| self.columns[at].label());
            progress.run(&format!("{} with {label}", id(self.rows[row].as_ref())), left, seconds);
            if let Ended::Lost(why) = self.run(row, cell, dev, engine)? {
                return Ok(Some((cell, why)));
            }
        }
        Ok(None)
    }

    /// One run, kept.
    fn run(
        &mut self,
        row: usize,
        cell: Cell,
        dev: u32,
        engine: &mut Engine,
    ) -> Result<Ended, BenchError> {
        let results = self.results();
        let known = results.row(&id(self.rows[row].as_ref()));
        let limit = known.and_then(|known| known.limit(&cell.key(&self.columns)));
        self.rows[row].limit(limit);
        let start = Instant::now();
        let result = run(self.rows[row].as_mut(), &self.columns, cell, dev, engine);
        if let Err(why) = &result
            && is_gone(engine)
        {
            return Ok(Ended::Lost(why.clone()));
        }
        self.keep(row, cell, start.elapsed().as_millis() as u64, result)?;
        Ok(Ended::Kept)
    }

    fn keep(
        &mut self,
        row: usize,
        cell: Cell,
        took_ms: u64,
        result: Result<Outcome, String>,
    ) -> Result<(), BenchError> {
        let (row, column) = (id(self.rows[row].as_ref()), cell.key(&self.columns));
        let run = RunLine { row, column, repeat: cell.repeat, took_ms, result };
        self.store.append(Line::Run(run))
    }

    /// Mark every cell of a row that was not measured.
    fn give_up(
        &mut self,
        row: usize,
        why: &str,
        progress: &dyn Progress,
    ) -> Result<(), BenchError> {
        progress.note(&format!("{}: {why}", id(self.rows[row].as_ref())));
        while let Some(cell) = self.next(row) {
            self.keep(row, cell, 0, Err(why.to_owned()))?;
        }
        Ok(())
    }

    /// The run of a row that is to be made next.
    fn next(&self, row: usize) -> Option<Cell> {
        let results = self.results();
        let known = results.row(&id(self.rows[row].as_ref()));
        order(self.columns.len(), self.repeats)
            .find(|cell| known.is_none_or(|known| known.is_pending(&self.columns, *cell)))
    }
}

fn line(row: &dyn Row) -> RowLine {
    RowLine {
        row: id(row),
        name: row.name().to_owned(),
        describe: row.describe().to_owned(),
        place: row.place(),
        definition: row.definition(),
        needed: row.needed_bytes(),
    }
}

/// The object file of a column in the guest.
pub(crate) fn guest(column: usize) -> String {
    format!("/policies/{column}.bpf.o")
}

/// One run under a column; afterwards the kernel is as it was.
fn run(
    row: &mut dyn Row,
    columns: &[Column],
    cell: Cell,
    dev: u32,
    engine: &mut Engine,
) -> Result<Outcome, String> {
    let quiet = |_: &str| {};
    let text = |error: EngineError| error.to_string();
    let Some(at) = cell.column else {
        row.run_cached(engine, &quiet)?;
        return row.run_cached(engine, &quiet);
    };
    match &columns[at] {
        Column::Kernel => row.run(engine, &quiet),
        Column::Fixed(kb) => {
            engine.set_readahead(Some(*kb), &quiet).map_err(text)?;
            let result = row.run(engine, &quiet);
            engine.set_readahead(None, &quiet).map_err(text)?;
            result
        }
        Column::Policy(policy) => {
            let placement = Placement { dev, ..Placement::default() };
            engine.attach_at(&guest(at), &policy.set, placement, &quiet).map_err(text)?;
            let result = row.run(engine, &quiet);
            engine.detach(&quiet).map_err(text)?;
            result
        }
    }
}

/// Whether the machine does not answer any more.
fn is_gone(engine: &mut Engine) -> bool {
    engine.kernel_log(&|_| {}).is_err()
}

/// The day and the time; the standard library has no calendar.
fn date() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    output.map_or_else(
        |_| "unknown".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
