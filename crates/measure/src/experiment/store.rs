// SPDX-License-Identifier: GPL-2.0-only
//! Where measurements are kept: memory, or a file of JSON lines, one for each run,
//! written when it has ended. A bench that was killed goes on where it was.

use crate::experiment::{BenchError, Contender, Flaw, Known, Outcome, Pattern, Place};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Version of the lines; raised when a reader of the old ones would go wrong.
const SCHEMA: u32 = 1;

/// A line of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "line")]
pub enum Line {
    /// The first.
    Header(Header),
    /// A machine was booted.
    Boot(Boot),
    /// What the runs of a row that follow are runs of.
    Row(WorkLine),
    /// A run.
    Run(RunLine),
    /// A row is measured anew: what came before does not count.
    Again {
        /// Its id.
        row: String,
    },
    /// What a decision costs.
    Cost(CostLine),
}

/// What is being measured. Lines of another header are not mixed with these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the lines.
    pub schema: u32,
    /// Release of the guest's kernel.
    pub kernel: String,
    /// The columns, in their order.
    pub columns: Vec<Contender>,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// How the guest's instructions are carried out.
    pub accelerator: String,
    /// Processors of the host.
    pub host_cpus: u32,
    /// Day and time, UTC.
    pub date: String,
    /// The command line.
    pub command: String,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkLine {
    /// Its id: name and place.
    pub row: String,
    /// Its name.
    pub name: String,
    /// One line for people.
    pub describe: String,
    /// Where its data lies.
    pub place: Place,
    /// All that decides what is run.
    pub definition: String,
    /// Bytes that the device has to read, for each part, where that is known.
    pub needed: Option<Vec<u64>>,
    /// The pattern that it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    /// The row's id.
    pub row: String,
    /// The column's key, or [`crate::experiment::CACHED`].
    pub column: String,
    /// The repeat, from 0.
    pub repeat: u32,
    /// What it took in all, milliseconds: for the time left.
    pub took_ms: u64,
    /// The outcome, or the reason why there is none.
    pub result: Result<Outcome, Flaw>,
}

/// Instructions of the decisions of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostLine {
    /// The policy's label.
    pub policy: String,
    /// `miss`, `mark` or `fault`.
    pub event: String,
    /// How many decisions were counted.
    pub decisions: u64,
    /// Instructions of all of them.
    pub instructions: u64,
}

impl WorkLine {
    /// A pattern on a place.
    pub fn of_pattern(place: Place, pattern: Pattern) -> Self {
        let Pattern { spec, data_bytes } = pattern;
        Self {
            row: format!("{}@{place}", spec.workload),
            name: spec.workload.to_string(),
            describe: spec.workload.describe().to_owned(),
            place,
            definition: format!("{data_bytes} bytes of data, {spec:?}"),
            needed: None,
            pattern: Some(pattern),
        }
    }
}

impl Header {
    /// A header of these columns.
    pub fn new(kernel: String, columns: Vec<Contender>) -> Self {
        Self { schema: SCHEMA, kernel, columns }
    }

    /// Whether lines of the other header can be mixed with these.
    pub fn is_same(&self, other: &Self) -> bool {
        self.difference(other).is_none()
    }

    /// What is different in `other`.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.schema != other.schema {
            return Some(format!("its version is {}, this one's {}", other.schema, self.schema));
        }
        if self.kernel != other.kernel {
            return Some(format!("its kernel is {}, this one's {}", other.kernel, self.kernel));
        }
        let labels = |header: &Self| {
            let labels: Vec<_> = header.columns.iter().map(Contender::label).collect();
            labels.join(", ")
        };
        if labels(self) != labels(other) {
            return Some(format!(
                "its columns are {}; now they are {}",
                labels(other),
                labels(self)
            ));
        }
        let mut pairs = self.columns.iter().zip(&other.columns);
        let changed = pairs.find(|(one, two)| !one.is_same(two))?.0;
        Some(format!("the policy {} is not the one that was measured", changed.label()))
    }
}

/// Takes lines, and knows what they come to.
pub trait Store {
    /// Add a line; a file has it on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    fn append(&mut self, line: Line) -> Result<(), BenchError>;

    /// What all lines come to.
    fn known(&self) -> &Known;

    /// What the store is called in messages.
    fn path(&self) -> &Path;
}

/// Say what the runs of a work are runs of, unless that was said.
pub(crate) fn define(store: &mut dyn Store, work: WorkLine) -> Result<(), BenchError> {
    match store.known().work(&work.row) {
        Some(known) if known.anew => store.append(Line::Row(work)),
        None => store.append(Line::Row(work)),
        Some(known) if known.row.definition == work.definition => Ok(()),
        Some(_) => Err(BenchError::OtherBench {
            path: store.path().to_owned(),
            why: format!("what the row {} runs has changed", work.row),
        }),
    }
}

/// Keeps everything for as long as it lives.
#[derive(Debug)]
pub struct MemoryStore(pub Known);

impl MemoryStore {
    /// An empty one.
    pub fn new(header: Header) -> Self {
        Self(Known::new(header))
    }
}

impl Store for MemoryStore {
    fn append(&mut self, line: Line) -> Result<(), BenchError> {
        self.0.take(&line);
        Ok(())
    }

    fn known(&self) -> &Known {
        &self.0
    }

    fn path(&self) -> &Path {
        Path::new("memory")
    }
}

/// A file, open for one bench alone.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    file: File,
    known: Known,
}

impl FileStore {
    /// Open the store, or make it.
    ///
    /// # Errors
    /// When it holds measurements of something else, or what is no line of it; when
    /// another bench uses it.
    pub fn open(path: &Path, header: Header) -> Result<Self, BenchError> {
        let io = |what| move |error: std::io::Error| BenchError::io(what, path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(io("open"))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(BenchError::InUse(path.to_owned()));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io("read"))?;
        // A line that was being written when the end came: that run is not there.
        let whole = whole(&text);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(io("shorten"))?;
            file.seek(SeekFrom::End(0)).map_err(io("seek in"))?;
        }
        let lines = parse(path, &text[..whole])?;
        let path = path.to_owned();
        if lines.is_empty() {
            let mut store = Self { path, file, known: Known::new(header.clone()) };
            store.append(Line::Header(header))?;
            return Ok(store);
        }
        let Some(known) = Known::of(&lines) else {
            return Err(BenchError::BadLine { path, number: 1, why: "it is no header".into() });
        };
        match header.difference(&known.header) {
            Some(why) => Err(BenchError::OtherBench { path, why }),
            None => Ok(Self { path, file, known }),
        }
    }

    /// The lines of a store, whatever it holds measurements of; a torn last one is
    /// left out.
    ///
    /// # Errors
    /// When it cannot be read, or holds what is no line of a store.
    pub fn read(path: &Path) -> Result<Vec<Line>, BenchError> {
        let text = std::fs::read(path).map_err(|error| BenchError::io("read", path, error))?;
        parse(path, &text[..whole(&text)])
    }
}

impl Store for FileStore {
    fn append(&mut self, line: Line) -> Result<(), BenchError> {
        let mut text = serde_json::to_string(&line)
            .map_err(|error| BenchError::io("write to", &self.path, error.into()))?;
        text.push('\n');
        // One write: a line is whole, or it is the last one.
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| BenchError::io("write to", &self.path, error))?;
        self.known.take(&line);
        Ok(())
    }

    fn known(&self) -> &Known {
        &self.known
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// The length of the lines that were written to their end.
fn whole(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

fn parse(path: &Path, text: &[u8]) -> Result<Vec<Line>, BenchError> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parsed = lines.enumerate().map(|(at, line)| {
        serde_json::from_slice(line).map_err(|error| BenchError::BadLine {
            path: path.to_owned(),
            number: at + 1,
            why: error.to_string(),
        })
    });
    parsed.collect()
}
