// SPDX-License-Identifier: GPL-2.0-only
//! From a plan to measurements: one boot for the works that share a machine, the cells
//! in the plan's order, each run kept as soon as it has ended.

use crate::experiment::date::now;
use crate::experiment::machines::objects;
use crate::experiment::store::define;
use crate::experiment::{
    Attach, BenchError, Boot, Cell, Contender, Flaw, Guest, How, Line, Machines, MicroVms, Outcome,
    Plan, RunLine, Store, Work, WorkLine, id,
};
use raext_model::{Left, Progress};
use raext_vm::Machine;
use std::rc::Rc;
use std::time::Instant;

/// A plan at work.
pub struct Experiment<'a, S: Machines = MicroVms> {
    /// What is to be measured.
    pub plan: Plan<S>,
    /// Where it is kept.
    pub store: &'a mut dyn Store,
    /// Where it is run.
    pub machines: &'a mut S,
    /// Its display, and that of its machines.
    pub progress: Rc<dyn Progress>,
}

/// A machine with some works.
struct Booted<G> {
    guest: G,
    /// Those that can be run on it.
    works: Vec<usize>,
    /// The one whose data is there.
    prepared: Option<usize>,
    /// The contender in force; the kernel's own readahead, if none.
    applied: Option<usize>,
}

impl<S: Machines> Experiment<'_, S> {
    /// Runs that are to be made, and how long they may take.
    pub fn left(&self) -> Left {
        self.plan.left(self.store.known())
    }

    /// Have the works that are complete measured again. Those that are not go on
    /// where they were.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn again(&mut self) -> Result<(), BenchError> {
        for at in 0..self.plan.works.len() {
            let row = self.id(at);
            if self.store.known().work(&row).is_some() && !self.has_pending(at) {
                self.store.append(Line::Again { row })?;
            }
        }
        Ok(())
    }

    /// Measure everything that is not measured yet.
    ///
    /// # Errors
    /// When the store cannot be written, or there is no machine. That a work cannot
    /// be run is no error.
    pub fn run(&mut self) -> Result<(), BenchError> {
        for group in self.plan.groups() {
            self.run_group(&group)?;
        }
        Ok(())
    }

    fn id(&self, work: usize) -> String {
        id(self.plan.works[work].as_ref())
    }

    fn is_pending(&self, cell: Cell) -> bool {
        self.plan.is_pending(self.store.known(), cell)
    }

    fn has_pending(&self, work: usize) -> bool {
        self.plan.cells(&[work]).into_iter().any(|cell| self.is_pending(cell))
    }

    /// Works that share a machine.
    fn run_group(&mut self, group: &[usize]) -> Result<(), BenchError> {
        let mut lost: Option<(Cell, u32)> = None;
        loop {
            let works: Vec<_> =
                group.iter().copied().filter(|work| self.has_pending(*work)).collect();
            if works.is_empty() || self.progress.is_stopped() {
                return Ok(());
            }
            let Some(mut booted) = self.boot(&works)? else { continue };
            let Some((cell, why)) = self.run_cells(&mut booted)? else {
                booted.guest.stop();
                continue;
            };
            drop(booted);
            if self.progress.is_stopped() {
                // The machine may have ended by the same signal.
                return Ok(());
            }
            let times = lost.filter(|(same, _)| *same == cell).map_or(1, |(_, times)| times + 1);
            let flaw = Flaw::Lost(why);
            self.progress.note(&flaw.to_string());
            lost = Some((cell, times));
            if times >= self.plan.boots {
                self.keep(cell, 0, Err(flaw))?;
            }
        }
    }

    /// A machine for these works, if one of them can be run on it.
    fn boot(&mut self, works: &[usize]) -> Result<Option<Booted<S::Guest>>, BenchError> {
        let objects = objects(&self.plan.contenders);
        let kernel = self.plan.kernel.clone();
        let mut machine = Machine { kernel, objects, ..Machine::default() };
        let mut fit = Vec::new();
        for &work in works {
            let provided = self.plan.works[work].provide(&mut machine);
            define(self.store, line(self.plan.works[work].as_ref()))?;
            match provided {
                Ok(()) => fit.push(work),
                Err(why) => self.give_up(work, &why)?,
            }
        }
        if fit.is_empty() {
            return Ok(None);
        }
        let guest = self.machines.boot(machine, Rc::clone(&self.progress))?;
        let boot = Boot {
            host_cpus: std::thread::available_parallelism().map_or(0, |n| n.get() as u32),
            date: now(),
            command: self.plan.command.clone(),
            accelerator: guest.accelerator(),
        };
        self.store.append(Line::Boot(boot))?;
        Ok(Some(Booted { guest, works: fit, prepared: None, applied: None }))
    }

    /// Run what is pending; the cell at which the machine ended, if it did.
    fn run_cells(
        &mut self,
        on: &mut Booted<S::Guest>,
    ) -> Result<Option<(Cell, String)>, BenchError> {
        for cell in self.plan.cells(&on.works) {
            if !self.is_pending(cell) {
                continue;
            }
            if self.progress.is_stopped() {
                break;
            }
            match self.prepare(on, cell.work) {
                Ok(()) => {}
                Err(Flaw::Lost(why)) => return Ok(Some((cell, why))),
                Err(why) => {
                    self.give_up(cell.work, &why)?;
                    continue;
                }
            }
            let label =
                cell.contender.map_or("all cached".into(), |at| self.plan.contenders[at].label());
            self.progress.run(&format!("{} with {label}", self.id(cell.work)), self.left());
            let start = Instant::now();
            let result = self.run_cell(on, cell);
            if let Err(Flaw::Lost(why)) = result {
                return Ok(Some((cell, why)));
            }
            self.keep(cell, start.elapsed().as_millis() as u64, result)?;
            if self.plan.attach == Attach::PerMachine {
                break;
            }
        }
        Ok(None)
    }

    fn prepare(&mut self, on: &mut Booted<S::Guest>, work: usize) -> Result<(), Flaw> {
        if on.prepared != Some(work) {
            on.prepared = None;
            self.plan.works[work].prepare(&mut on.guest)?;
            on.prepared = Some(work);
        }
        Ok(())
    }

    /// One run under its contender.
    fn run_cell(&mut self, on: &mut Booted<S::Guest>, cell: Cell) -> Result<Outcome, Flaw> {
        let key = cell.key(&self.plan.contenders);
        let known = self.store.known().work(&self.id(cell.work));
        let limit = known.and_then(|known| self.plan.slow.limit(known, &key));
        let how = How { cached: cell.contender.is_none(), limit };
        let wanted = cell.contender.filter(|at| self.plan.contenders[*at] != Contender::Kernel);
        if on.applied != wanted {
            self.release(on)?;
            if let Some(at) = wanted {
                let everywhere = self.plan.attach.everywhere();
                let contender = &self.plan.contenders[at];
                on.guest.quietly(|guest| guest.apply(at, contender, everywhere))?;
                on.applied = wanted;
            }
        }
        let work = &mut self.plan.works[cell.work];
        let mut run = || on.guest.quietly(|guest| work.run(guest, &how));
        let mut result = run();
        if how.cached && result.is_ok() {
            result = run();
        }
        if self.plan.attach == Attach::PerRun {
            self.release(on)?;
        }
        result
    }

    fn release(&self, on: &mut Booted<S::Guest>) -> Result<(), Flaw> {
        match on.applied.take() {
            Some(at) => {
                let contender = &self.plan.contenders[at];
                on.guest.quietly(|guest| guest.release(contender))
            }
            None => Ok(()),
        }
    }

    fn keep(
        &mut self,
        cell: Cell,
        took_ms: u64,
        result: Result<Outcome, Flaw>,
    ) -> Result<(), BenchError> {
        let (row, column) = (self.id(cell.work), cell.key(&self.plan.contenders));
        let run = RunLine { row, column, repeat: cell.repeat, took_ms, result };
        self.store.append(Line::Run(run))
    }

    /// Mark every cell of a work that was not measured.
    fn give_up(&mut self, work: usize, why: &Flaw) -> Result<(), BenchError> {
        self.progress.note(&format!("{}: {why}", self.id(work)));
        for cell in self.plan.cells(&[work]) {
            if self.is_pending(cell) {
                self.keep(cell, 0, Err(why.clone()))?;
            }
        }
        Ok(())
    }
}

fn line<M>(work: &dyn Work<M>) -> WorkLine {
    WorkLine {
        row: id(work),
        name: work.name().to_owned(),
        describe: work.describe().to_owned(),
        place: work.place(),
        definition: work.definition(),
        needed: work.needed_bytes(),
        pattern: work.pattern(),
    }
}
