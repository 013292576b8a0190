// SPDX-License-Identifier: GPL-2.0-only
//! Everything that was measured, as it is written to JSON.

use raext_model::{Device, Sample, WorkloadSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON; raised when a reader of the old one would go wrong.
const SCHEMA: u32 = 1;

/// What every version of the JSON has.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

/// Policies against the kernel's own readahead, on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this structure.
    pub schema: u32,
    /// Where and how it was measured.
    pub about: About,
    /// What was compared; the first is the kernel without a policy.
    pub columns: Vec<Column>,
    /// What was run.
    pub rows: Vec<Row>,
}

/// Where and how it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The command line that measures it again.
    pub command: String,
    /// Day and time, UTC.
    pub date: String,
    /// Release of the guest's kernel.
    pub kernel: String,
    /// How the guest's instructions were carried out.
    pub accelerator: String,
    /// Processors of the host.
    pub host_cpus: u32,
    /// The device.
    pub device: Device,
    /// How often each cell was measured.
    pub repeats: u32,
}

/// A policy with its tunables, or the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// The tunables that were set.
    pub set: BTreeMap<String, String>,
}

/// A workload and its measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was run.
    pub spec: WorkloadSpec,
    /// Measurements by repeat, then by column.
    pub runs: Vec<Vec<Option<Sample>>>,
    /// What could not be measured.
    pub failures: Vec<CellFailure>,
}

/// A measurement that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFailure {
    /// Its column.
    pub column: usize,
    /// Its repeat, from 0.
    pub repeat: u32,
    /// The reason.
    pub why: String,
}

impl Column {
    /// The column of the kernel's own readahead.
    pub fn kernel() -> Self {
        Self { name: "kernel".into(), set: BTreeMap::new() }
    }

    /// Name and tunables, as they are given on the command line.
    pub fn label(&self) -> String {
        if self.set.is_empty() {
            return self.name.clone();
        }
        let set: Vec<_> = self.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}:{}", self.name, set.join(","))
    }
}

impl Comparison {
    /// A comparison with nothing measured yet.
    pub fn new(about: About, policies: Vec<Column>, specs: &[WorkloadSpec]) -> Self {
        let columns: Vec<_> = [Column::kernel()].into_iter().chain(policies).collect();
        let empty = vec![vec![None; columns.len()]; about.repeats as usize];
        let row = |spec: &WorkloadSpec| Row { spec: *spec, runs: empty.clone(), failures: vec![] };
        Self { schema: SCHEMA, about, rows: specs.iter().map(row).collect(), columns }
    }

    /// Take in a measurement, or the reason why there is none.
    ///
    /// # Panics
    /// When there is no such row, repeat or column.
    pub fn record(
        &mut self,
        row: usize,
        repeat: u32,
        column: usize,
        outcome: Result<Sample, String>,
    ) {
        let row = &mut self.rows[row];
        match outcome {
            Ok(sample) => row.runs[repeat as usize][column] = Some(sample),
            Err(why) => row.failures.push(CellFailure { column, repeat, why }),
        }
    }

    /// Whether a measurement failed or brought other data than without a policy.
    pub fn is_flawed(&self) -> bool {
        self.wrong_data() || self.rows.iter().any(|row| !row.failures.is_empty())
    }

    /// Whether a measurement brought other data than without a policy.
    pub fn wrong_data(&self) -> bool {
        !self.wrong_cells().is_empty()
    }

    /// Row and column of the cells that brought other data.
    pub(crate) fn wrong_cells(&self) -> Vec<(usize, usize)> {
        (0..self.rows.len())
            .flat_map(|row| (0..self.columns.len()).map(move |column| (row, column)))
            .filter(|&(row, column)| self.cell(row, column).is_some_and(|c| c.wrong_data))
            .collect()
    }

    /// As JSON, every single measurement included.
    ///
    /// # Errors
    /// Never in practice: the structure has nothing that JSON lacks.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// From JSON.
    ///
    /// # Errors
    /// When the text is no comparison, one of another version, or one whose
    /// rows do not fit its columns.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        // The version first: another one may have other fields.
        let Version { schema } = serde_json::from_str(text)?;
        if schema != SCHEMA {
            let error = format!("schema {schema} is not {SCHEMA}: use the raext that wrote it");
            return Err(serde::de::Error::custom(error));
        }
        let comparison: Self = serde_json::from_str(text)?;
        let columns = comparison.columns.len();
        let fits = |row: &&Row| {
            row.runs.iter().all(|run| run.len() == columns)
                && row.failures.iter().all(|failure| failure.column < columns)
        };
        match comparison.rows.iter().find(|row| !fits(row)) {
            None => Ok(comparison),
            Some(row) => {
                let error = format!("the row {} does not fit {columns} columns", row.spec.workload);
                Err(serde::de::Error::custom(error))
            }
        }
    }
}
