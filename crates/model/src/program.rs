// SPDX-License-Identifier: GPL-2.0-only
//! Programs in the guest: the request, and the outcome.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a decision can come to, each a counter; their sum is the number of
/// decisions.
pub const VERDICTS: [&str; 4] = ["kept", "limited", "changed", "taken"];

/// A program to run in the root of programs, in a cgroup of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name or path, and its arguments. A name is looked up in the `PATH` of
    /// [`Program::env`].
    pub argv: Vec<String>,
    /// All of its environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory, a path in the root of programs.
    pub cwd: String,
    /// The user and the group that it runs as.
    pub user: User,
    /// `memory.max` of its cgroup, bytes; no limit if absent.
    pub memory_max: Option<u64>,
    /// The way of its output.
    pub output: Output,
    /// Whether the host has something for its standard input. It is asked for it
    /// by [`crate::FromAgent::WantInput`]. Not for programs in the background.
    pub input: bool,
    /// How long it may run, milliseconds; then it and its children are killed.
    pub deadline_ms: Option<u64>,
    /// Whether its children live on when it has ended, as daemons do. Else they
    /// are killed then.
    pub leave_children: bool,
}

/// A user, by number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// The group, the only one that the program is in.
    pub gid: u32,
}

/// The way of a program's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// It is sent to the host as it comes; of programs in the background, when
    /// they have ended.
    Send,
    /// It is thrown away.
    Discard,
}

/// One of a program's two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Killed at its deadline.
    Deadline,
    /// It was not started, for the reason of this error number.
    NotStarted(i32),
}

impl End {
    /// The exit status that a shell would tell: 128 and the signal, 124 (as
    /// timeout(1) has it) at the deadline, 127 or 126 where there was no start.
    pub const fn status(self) -> i32 {
        const ENOENT: i32 = 2;
        match self {
            Self::Exit(status) => status,
            Self::Signal(signal) => 128 + signal,
            Self::Deadline => 124,
            Self::NotStarted(ENOENT) => 127,
            Self::NotStarted(_) => 126,
        }
    }
}

/// What a program came to. What the device and the policies did is counted from
/// its start to its end, whoever caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// Wall time, nanoseconds.
    pub wall_ns: u64,
    /// Processor time of it and its children, nanoseconds.
    pub cpu_ns: u64,
    /// Read requests that the volume's device completed; 0 without a volume.
    pub device_reads: u64,
    /// Bytes that the volume's device read.
    pub device_bytes: u64,
    /// What the counters of all attached policies were increased by, by the kind
    /// of event (`miss`, `mark`, `fault`) and the counter (`kept`, `limited`…);
    /// without those that were not.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Processes of its cgroup that were killed for lack of memory.
    pub oom_kills: u64,
    /// Children that were killed since they were left when it ended.
    pub left: u64,
}

impl Ran {
    /// Decisions of one kind of event.
    pub fn decisions_of(&self, event: &str) -> u64 {
        let counts = self.counts.get(event);
        let count = |verdict: &&str| counts.and_then(|counts| counts.get(*verdict));
        VERDICTS.iter().filter_map(count).sum()
    }

    /// Decisions of all kinds.
    pub fn decisions(&self) -> u64 {
        self.counts.keys().map(|event| self.decisions_of(event)).sum()
    }
}

/// Bytes of a program, in text: base64, which is shorter than numbers.
pub(crate) mod bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::borrow::Cow;

    /// As text.
    ///
    /// # Errors
    /// When the serializer has one.
    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    /// From text.
    ///
    /// # Errors
    /// When it is no base64.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        STANDARD_NO_PAD.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_has_the_status_that_a_shell_tells() {
        let ends = [End::Exit(3), End::Signal(9), End::Deadline, End::NotStarted(2)];
        assert_eq!(ends.map(End::status), [3, 137, 124, 127]);
        assert_eq!(End::NotStarted(13).status(), 126);
    }

    #[test]
    fn decisions_are_the_sum_of_the_verdicts() {
        let counts = [("kept", 2), ("taken", 3), ("pages", 100)];
        let counts: BTreeMap<_, _> = counts.map(|(name, n)| (name.to_owned(), n)).into();
        let ran = Ran {
            end: End::Exit(0),
            wall_ns: 0,
            cpu_ns: 0,
            device_reads: 0,
            device_bytes: 0,
            counts: [("miss".to_owned(), counts.clone()), ("mark".to_owned(), counts)].into(),
            oom_kills: 0,
            left: 0,
        };
        assert_eq!(
            (ran.decisions_of("miss"), ran.decisions_of("fault"), ran.decisions()),
            (5, 0, 10)
        );
    }
}
