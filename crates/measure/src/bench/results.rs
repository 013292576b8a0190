// SPDX-License-Identifier: GPL-2.0-only
//! The measurements that count, out of the lines of a store, and what is still to
//! be measured.

use crate::bench::column::{CACHED, Column};
use crate::bench::row::{Limit, Outcome};
use crate::bench::store::{Boot, CostLine, Header, Line, RowLine, RunLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A cell this many times as slow as the kernel's is not measured again: it would
/// take minutes and tell nothing new.
const HOPELESS: f64 = 5.0;
/// A run that can be cut short is, at so many times the kernel's time: it is hopeless
/// then, whichever of the kernel's runs it is held against.
const CUT_AT: u64 = 6;

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What is measured.
    pub header: Header,
    /// The machines, in the order of their boots.
    pub boots: Vec<Boot>,
    /// The rows, in the order in which they came.
    pub rows: Vec<RowResults>,
    /// What decisions cost.
    pub costs: Vec<CostLine>,
}

/// A row's measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowResults {
    /// What is run.
    pub row: RowLine,
    /// The runs of each column by their repeat, by the column's key.
    pub runs: BTreeMap<String, BTreeMap<u32, Run>>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The outcome, or the reason why there is none.
    pub result: Result<Outcome, String>,
    /// What it took in all, milliseconds.
    pub took_ms: u64,
}

impl Results {
    /// What counts of a store's lines.
    pub fn of(lines: &[Line]) -> Option<Self> {
        let Some(Line::Header(header)) = lines.first() else { return None };
        let (boots, rows, costs) = (Vec::new(), Vec::new(), Vec::new());
        let mut results = Self { header: header.clone(), boots, rows, costs };
        for line in lines {
            results.take(line);
        }
        Some(results)
    }

    fn take(&mut self, line: &Line) {
        match line {
            Line::Header(_) => {}
            Line::Boot(boot) => self.boots.push(boot.clone()),
            Line::Row(row) => match self.row_mut(&row.row) {
                Some(known) => known.row = row.clone(),
                None => self.rows.push(RowResults { row: row.clone(), runs: BTreeMap::new() }),
            },
            Line::Again { row } => {
                if let Some(row) = self.row_mut(row) {
                    row.runs.clear();
                }
            }
            Line::Run(run) => {
                if let Some(row) = self.row_mut(&run.row) {
                    row.take(run);
                }
            }
            Line::Cost(cost) => {
                self.costs.retain(|old| (&old.policy, &old.event) != (&cost.policy, &cost.event));
                self.costs.push(cost.clone());
            }
        }
    }

    /// Nothing measured yet.
    pub fn empty(columns: Vec<Column>) -> Self {
        let header = Header::new(String::new(), columns);
        Self { header, boots: Vec::new(), rows: Vec::new(), costs: Vec::new() }
    }

    /// What a run takes, milliseconds: the mean of those so far, else a guess.
    pub fn mean_ms(&self) -> u64 {
        const GUESS: u64 = 4000;
        let runs = self.rows.iter().flat_map(|row| row.runs.values()).flat_map(BTreeMap::values);
        let took: Vec<_> = runs.filter(|run| run.result.is_ok()).map(|run| run.took_ms).collect();
        took.iter().sum::<u64>().checked_div(took.len() as u64).unwrap_or(GUESS)
    }

    /// A row by its id.
    pub fn row(&self, id: &str) -> Option<&RowResults> {
        self.rows.iter().find(|row| row.row.row == id)
    }

    fn row_mut(&mut self, id: &str) -> Option<&mut RowResults> {
        self.rows.iter_mut().find(|row| row.row.row == id)
    }
}

/// A run that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The column; `None` for the cached run.
    pub column: Option<usize>,
    /// The repeat.
    pub repeat: u32,
}

impl Cell {
    /// What its run is kept under.
    pub fn key(self, columns: &[Column]) -> String {
        self.column.map_or_else(|| CACHED.into(), |at| columns[at].key())
    }
}

/// All runs of a row, in their order: who comes first changes with each repeat, so
/// that a drift of the machine does not favour anyone.
pub fn order(columns: usize, repeats: u32) -> impl Iterator<Item = Cell> {
    (0..repeats).flat_map(move |repeat| {
        let turns = columns + 1;
        (0..turns).map(move |turn| {
            let place = (turn + repeat as usize) % turns;
            Cell { column: (place < columns).then_some(place), repeat }
        })
    })
}

impl RowResults {
    fn take(&mut self, run: &RunLine) {
        let runs = self.runs.entry(run.column.clone()).or_default();
        let kept = Run { result: run.result.clone(), took_ms: run.took_ms };
        // The first one counts: a run is made once.
        runs.entry(run.repeat).or_insert(kept);
    }

    /// The outcomes of a column, by repeat.
    pub fn outcomes(&self, key: &str) -> impl Iterator<Item = (u32, &Outcome)> + use<'_> {
        let runs = self.runs.get(key).into_iter().flatten();
        runs.filter_map(|(repeat, run)| Some((*repeat, run.result.as_ref().ok()?)))
    }

    /// Why a column has a run that failed.
    pub fn failure(&self, key: &str) -> Option<&str> {
        let mut runs = self.runs.get(key).into_iter().flatten();
        runs.find_map(|(_, run)| run.result.as_ref().err().map(String::as_str))
    }

    /// Whether a run is to be made: it was not, none of the column failed, and the
    /// column is not hopeless.
    pub fn is_pending(&self, columns: &[Column], cell: Cell) -> bool {
        let key = cell.key(columns);
        let there = self.runs.get(&key).is_some_and(|runs| runs.contains_key(&cell.repeat));
        !there && self.failure(&key).is_none() && !self.is_hopeless(&key)
    }

    /// Whether a column is so slow that one run says it all.
    pub fn is_hopeless(&self, key: &str) -> bool {
        let least =
            |key: &str| self.outcomes(key).map(|(_, outcome)| outcome.ns_per_op()).reduce(f64::min);
        match (least(&Column::Kernel.key()), least(key)) {
            (Some(kernel), Some(own)) => own > HOPELESS * kernel,
            _ => false,
        }
    }

    /// How long a run of a column may take, once it is known how long the kernel's
    /// does. What others are held against, the kernel's and the cached ones, are whole.
    pub fn limit(&self, key: &str) -> Option<Limit> {
        if key == Column::Kernel.key() || key == CACHED {
            return None;
        }
        let longest = |outcome: &Outcome| outcome.parts.iter().map(|part| part.ns).max();
        let kernel = self.outcomes(&Column::Kernel.key());
        let (ns, slowest) =
            kernel.filter_map(|(_, o)| Some((longest(o)?, o))).max_by_key(|(ns, _)| *ns)?;
        let ms = (CUT_AT * ns).div_ceil(1_000_000);
        Some(Limit { ms, whole: slowest.parts.clone() })
    }

    /// How many runs are to be made, and what they may take: as long as those of
    /// the same column did, else as the mean of all.
    pub(crate) fn left(&self, columns: &[Column], repeats: u32, mean_ms: u64) -> (u64, u64) {
        let pending = order(columns.len(), repeats).filter(|cell| self.is_pending(columns, *cell));
        let took = |cell: Cell| {
            let mut runs = self.runs.get(&cell.key(columns)).into_iter().flatten();
            runs.next_back().map_or(mean_ms, |(_, run)| run.took_ms)
        };
        pending.fold((0, 0), |(runs, ms), cell| (runs + 1, ms + took(cell)))
    }
}
