// SPDX-License-Identifier: GPL-2.0-only
//! A recording as a file: JSON, a value a line. The first says what this is, then
//! each run says what was run, and its events follow in their order.

use crate::learn::LearnError;
use raext_model::{Device, WorkloadSpec};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The format's number, in the first line.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`FORMAT`].
    pub raext_recording: u32,
    /// `uname -r` of the kernel.
    pub kernel: String,
    /// The device and its data.
    pub device: Device,
}

/// The events, in the order of their ends: an access comes after the
/// decision that served it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Pages were read, cached or not: the first, and how many.
    Read(u64, u32),
    /// Pages of a mapping were touched one after the other: likewise.
    Fault(u64, u32),
    /// A decision was made.
    Decision {
        /// The file.
        ino: u64,
        /// The event and the hints, as the tracepoint has them: `mark|mmap`.
        flags: Flags,
        /// The page that was needed.
        index: u64,
        /// How many were asked for.
        req: u32,
        /// The file's length, pages.
        file: u64,
        /// The window that was read.
        start: u64,
        /// Likewise; 0 if only what was asked for.
        size: u32,
    },
}

/// The flags of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Flags {
    /// `MISS`, `MARK` or `FAULT` of the policy's features.
    pub event: u32,
    /// Its hint.
    pub hint: u32,
}

impl From<String> for Flags {
    fn from(text: String) -> Self {
        let has = |word: &str| text.split('|').any(|flag| flag == word);
        let event = match () {
            () if has("miss") => raext_policy::tree::features::MISS,
            () if has("mark") => raext_policy::tree::features::MARK,
            () => raext_policy::tree::features::FAULT,
        };
        let hint = match () {
            () if has("random") => 1,
            () if has("sequential") => 2,
            () => 0,
        };
        Self { event, hint }
    }
}

impl From<Flags> for String {
    fn from(flags: Flags) -> Self {
        let event = ["miss", "mark", "fault"][flags.event.min(2) as usize];
        let hint = ["", "|random", "|sequential"][flags.hint.min(2) as usize];
        format!("{event}{hint}")
    }
}

/// A workload that was run, from a cold cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The workload.
    pub spec: WorkloadSpec,
    /// The events.
    pub events: Vec<Event>,
}

/// Everything that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Where and how.
    pub about: About,
    /// The runs, in their order.
    pub runs: Vec<Run>,
}

/// Any line but the first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Run(WorkloadSpec),
    #[serde(untagged)]
    Event(Event),
}

impl Recording {
    /// Read a recording.
    ///
    /// # Errors
    /// When the file cannot be read, or a line of it is wrong; the error names it.
    pub fn read(path: &Path) -> Result<Self, LearnError> {
        let file = |source| LearnError::File { path: path.into(), source };
        Self::parse(path, &fs::read_to_string(path).map_err(file)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, LearnError> {
        let bad = |line, why| LearnError::Line { path: path.into(), line, why };
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let first = lines.next().map_or("", |(_, line)| line);
        let about: About = serde_json::from_str(first)
            .map_err(|error| bad(1, format!("not the first line of a recording ({error})")))?;
        if about.raext_recording != FORMAT {
            let why = format!("a recording of format {}, not {FORMAT}", about.raext_recording);
            return Err(bad(1, why));
        }
        let mut runs: Vec<Run> = Vec::new();
        for (at, line) in lines {
            let line = serde_json::from_str(line).map_err(|error| bad(at, error.to_string()))?;
            match (line, runs.last_mut()) {
                (Line::Run(spec), _) => runs.push(Run { spec, events: Vec::new() }),
                (Line::Event(event), Some(run)) => run.events.push(event),
                (Line::Event(_), None) => return Err(bad(at, "an event before any run".into())),
            }
        }
        Ok(Self { about, runs })
    }

    /// The recording as a file's text.
    pub fn to_text(&self) -> String {
        let runs = self.runs.iter().flat_map(|run| {
            let events = run.events.iter().map(json);
            std::iter::once(json(&Line::Run(run.spec))).chain(events)
        });
        std::iter::once(json(&self.about)).chain(runs).map(|line| line + "\n").collect()
    }

    /// Write the recording.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LearnError> {
        fs::write(path, self.to_text())
            .map_err(|source| LearnError::File { path: path.into(), source })
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and words are JSON")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use raext_model::{DeviceProfile, Fs, Workload};

    /// A recording of one run with these events.
    pub(crate) fn with(events: Vec<Event>) -> Recording {
        let device = Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 1 << 26 };
        let about = About { raext_recording: FORMAT, kernel: "6.12".into(), device };
        let spec = Workload::SeqRead.default_spec();
        Recording { about, runs: vec![Run { spec, events }] }
    }

    /// A decision on a file of 16384 pages.
    pub(crate) fn decision(event: u32, index: u64, req: u32, start: u64, size: u32) -> Event {
        let flags = Flags { event, hint: 0 };
        Event::Decision { ino: 12, flags, index, req, file: 16384, start, size }
    }

    #[test]
    fn what_was_written_is_what_is_read() {
        let all = with(vec![decision(1, 2, 3, 4, 5), Event::Read(1, 2), Event::Fault(7, 1)]);
        let text = all.to_text();
        assert!(text.contains("{\"read\":[1,2]}\n"), "{text}");
        assert_eq!(Recording::parse(Path::new("x"), &text).unwrap(), all);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let whole = with(vec![Event::Read(1, 2)]).to_text();
        let wrong = |text: String| {
            Recording::parse(Path::new("mine.jsonl"), &text).unwrap_err().to_string()
        };
        assert!(wrong(String::new()).starts_with("mine.jsonl:1: "));
        assert!(wrong(whole.replace("{\"read\"", "{\"rode\"")).starts_with("mine.jsonl:3: "));
        assert!(
            wrong(whole.replace("\"raext_recording\":1", "\"raext_recording\":9")).contains("9")
        );
        let no_run: Vec<_> = whole.lines().filter(|line| !line.contains("\"run\"")).collect();
        assert!(wrong(no_run.join("\n")).contains("before any run"));
    }
}
