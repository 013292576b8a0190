// SPDX-License-Identifier: GPL-2.0-only
//! The measurements that count, out of the lines of a store.

use crate::experiment::{Boot, CostLine, Flaw, Header, Line, Outcome, RunLine, WorkLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// What is measured.
    pub header: Header,
    /// The machines, in the order of their boots.
    pub boots: Vec<Boot>,
    /// The rows, in the order in which they came.
    pub rows: Vec<KnownWork>,
    /// What decisions cost.
    pub costs: Vec<CostLine>,
}

/// A row's measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownWork {
    /// What is run.
    pub row: WorkLine,
    /// The runs of each column by their repeat, by the column's key.
    pub runs: BTreeMap<String, BTreeMap<u32, Run>>,
    /// Whether it begins anew, and may have another definition.
    #[serde(skip)]
    pub(crate) anew: bool,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The outcome, or the reason why there is none.
    pub result: Result<Outcome, Flaw>,
    /// What it took in all, milliseconds.
    pub took_ms: u64,
}

impl Known {
    /// What counts of a store's lines.
    pub fn of(lines: &[Line]) -> Option<Self> {
        let Some(Line::Header(header)) = lines.first() else { return None };
        let mut known = Self::new(header.clone());
        lines.iter().for_each(|line| known.take(line));
        Some(known)
    }

    pub(crate) fn take(&mut self, line: &Line) {
        match line {
            Line::Header(_) => {}
            Line::Boot(boot) => self.boots.push(boot.clone()),
            Line::Row(row) => match self.row_mut(&row.row) {
                Some(known) => {
                    known.row = row.clone();
                    known.anew = false;
                }
                None => self.rows.push(KnownWork {
                    row: row.clone(),
                    runs: BTreeMap::new(),
                    anew: false,
                }),
            },
            Line::Again { row } => {
                if let Some(row) = self.row_mut(row) {
                    row.runs.clear();
                    row.anew = true;
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
    pub fn new(header: Header) -> Self {
        Self { header, boots: Vec::new(), rows: Vec::new(), costs: Vec::new() }
    }

    /// What a run takes, milliseconds: the mean of those so far, else a guess.
    pub fn mean_ms(&self) -> u64 {
        const GUESS: u64 = 4000;
        let runs = self.rows.iter().flat_map(|row| row.runs.values()).flat_map(BTreeMap::values);
        let took: Vec<_> = runs.filter(|run| run.result.is_ok()).map(|run| run.took_ms).collect();
        took.iter().sum::<u64>().checked_div(took.len() as u64).unwrap_or(GUESS)
    }

    /// How often each cell was to be measured.
    pub fn repeats(&self) -> u32 {
        let runs = self.rows.iter().flat_map(|row| row.runs.values());
        runs.filter_map(|runs| Some(runs.last_key_value()?.0 + 1)).max().unwrap_or(0)
    }

    /// A work by its id.
    pub fn work(&self, id: &str) -> Option<&KnownWork> {
        self.rows.iter().find(|row| row.row.row == id)
    }

    fn row_mut(&mut self, id: &str) -> Option<&mut KnownWork> {
        self.rows.iter_mut().find(|row| row.row.row == id)
    }
}

impl KnownWork {
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
    pub fn failure(&self, key: &str) -> Option<&Flaw> {
        self.failures(key).next().map(|(_, why)| why)
    }

    /// The failures of a contender, by repeat.
    pub fn failures(&self, key: &str) -> impl Iterator<Item = (u32, &Flaw)> + use<'_> {
        let runs = self.runs.get(key).into_iter().flatten();
        runs.filter_map(|(repeat, run)| Some((*repeat, run.result.as_ref().err()?)))
    }

    /// Whether a run was made.
    pub(crate) fn is_there(&self, key: &str, repeat: u32) -> bool {
        self.runs.get(key).is_some_and(|runs| runs.contains_key(&repeat))
    }

    /// How long the last run of a contender took, milliseconds.
    pub(crate) fn took_ms(&self, key: &str) -> Option<u64> {
        self.runs.get(key)?.last_key_value().map(|(_, run)| run.took_ms)
    }
}
