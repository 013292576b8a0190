// SPDX-License-Identifier: GPL-2.0-only
//! What an experiment is to do: which work under which contender, how often, in which
//! order, and when a cell is too slow to be repeated.

use crate::experiment::{CACHED, Contender, Known, KnownWork, Limit, Machines, MicroVms, Work, id};
use raext_model::Left;
use raext_vm::KernelChoice;

/// A plan. Its cells are each work under each contender, in each repeat.
pub struct Plan<S: Machines = MicroVms> {
    /// What is run.
    pub works: Vec<Box<dyn Work<S::Guest>>>,
    /// What the works are run under.
    pub contenders: Vec<Contender>,
    /// How often each cell is measured.
    pub repeats: u32,
    /// Whether each work is run with all data cached, too.
    pub floor: bool,
    /// How long a contender stays in force.
    pub attach: Attach,
    /// When a cell is too slow.
    pub slow: SlowRule,
    /// How often a machine that ended by itself is booted for the same run.
    pub boots: u32,
    /// The kernel of the machine.
    pub kernel: KernelChoice,
    /// The command line.
    pub command: String,
}

/// How long a contender stays in force, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// On the data's device, from just before a run to just after it: a policy knows
    /// nothing of the runs before.
    PerRun,
    /// Everywhere, while each work is run once.
    PerSweep,
    /// On the data's device of a machine that is booted for the run.
    PerMachine,
}

/// When a cell is so slow that repeating it would take minutes and tell nothing new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowRule {
    /// It takes so many times as long as the kernel, both at their quickest.
    pub over: f64,
    /// A run that can be stopped is, at so many times the kernel's time: it is too slow
    /// then, whichever of the kernel's runs it is held against.
    pub stop_at: Option<u64>,
}

/// A run of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The work.
    pub work: usize,
    /// The contender; `None` for the cached run.
    pub contender: Option<usize>,
    /// The repeat.
    pub repeat: u32,
}

impl Attach {
    /// Whether a policy decides for files of all devices.
    pub(crate) fn everywhere(self) -> bool {
        self == Self::PerSweep
    }
}

impl SlowRule {
    /// Every run is made.
    pub const NONE: Self = Self { over: f64::INFINITY, stop_at: None };
    /// A bench: there are many runs, and some contenders are slow by far.
    pub const BENCH: Self = Self { over: 5.0, stop_at: Some(6) };
    /// A comparison: runs are short.
    pub const COMPARISON: Self = Self { over: 10.0, stop_at: None };

    /// Whether a contender of a work is too slow.
    pub fn is_over(&self, work: &KnownWork, key: &str) -> bool {
        let least =
            |key: &str| work.outcomes(key).map(|(_, outcome)| outcome.ns_per_op()).reduce(f64::min);
        match (least(&Contender::Kernel.key()), least(key)) {
            (Some(kernel), Some(own)) => own > self.over * kernel,
            _ => false,
        }
    }

    /// How long a run may take, once it is known how long the kernel's does. What others
    /// are held against, the kernel's and the cached ones, are whole.
    pub fn limit(&self, work: &KnownWork, key: &str) -> Option<Limit> {
        let stop_at = self.stop_at?;
        if key == Contender::Kernel.key() || key == CACHED {
            return None;
        }
        let longest = |parts: &[crate::experiment::Part]| parts.iter().map(|part| part.ns).max();
        let kernel = work.outcomes(&Contender::Kernel.key());
        let (ns, slowest) =
            kernel.filter_map(|(_, o)| Some((longest(&o.parts)?, o))).max_by_key(|(ns, _)| *ns)?;
        let ms = (stop_at * ns).div_ceil(1_000_000);
        Some(Limit { ms, whole: slowest.parts.clone() })
    }
}

impl Cell {
    /// What its run is kept under.
    pub fn key(self, contenders: &[Contender]) -> String {
        self.contender.map_or_else(|| CACHED.into(), |at| contenders[at].key())
    }
}

/// All runs of a work, in their order: who comes first changes with each repeat, so
/// that a drift of the machine does not favour anyone. The cached run is one more turn.
pub fn order(
    work: usize,
    contenders: usize,
    floor: bool,
    repeats: u32,
) -> impl Iterator<Item = Cell> {
    (0..repeats).flat_map(move |repeat| {
        let turns = contenders + usize::from(floor);
        (0..turns).map(move |turn| {
            let place = (turn + repeat as usize) % turns;
            Cell { work, contender: (place < contenders).then_some(place), repeat }
        })
    })
}

impl<S: Machines> Plan<S> {
    /// All runs of some works, in their order. In sweeps another work comes first each
    /// time, so that none of them is always the one that follows an attachment.
    pub fn cells(&self, works: &[usize]) -> Vec<Cell> {
        let order = |work| order(work, self.contenders.len(), self.floor, self.repeats);
        if self.attach != Attach::PerSweep {
            return works.iter().flat_map(|work| order(*work)).collect();
        }
        let turn = |cell: Cell, turn: usize| {
            let at = (turn + cell.repeat as usize) % works.len();
            Cell { work: works[at], ..cell }
        };
        order(0).flat_map(|cell| (0..works.len()).map(move |at| turn(cell, at))).collect()
    }

    /// Works by the machine that they share.
    pub(crate) fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for (at, work) in self.works.iter().enumerate() {
            let group = format!("{} {}", work.place(), work.machine());
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, works)) => works.push(at),
                None => groups.push((group, vec![at])),
            }
        }
        groups.into_iter().map(|(_, works)| works).collect()
    }

    /// Whether a run is to be made: it was not, none of its contender failed, and the
    /// contender is not too slow.
    pub fn is_pending(&self, known: &Known, cell: Cell) -> bool {
        let key = cell.key(&self.contenders);
        known.work(&id(self.works[cell.work].as_ref())).is_none_or(|work| {
            !work.is_there(&key, cell.repeat)
                && work.failure(&key).is_none()
                && !self.slow.is_over(work, &key)
        })
    }

    /// Runs that are to be made, and how long they may take: as long as those of the
    /// same cell did, else as the mean of all.
    pub fn left(&self, known: &Known) -> Left {
        let mean = known.mean_ms();
        let all: Vec<_> = (0..self.works.len()).collect();
        let pending = self.cells(&all).into_iter().filter(|cell| self.is_pending(known, *cell));
        let (runs, ms) = pending.fold((0, 0), |(runs, ms), cell| {
            let work = known.work(&id(self.works[cell.work].as_ref()));
            let took = work.and_then(|work| work.took_ms(&cell.key(&self.contenders)));
            (runs + 1, ms + took.unwrap_or(mean))
        });
        Left { runs, seconds: ms / 1000 }
    }
}
