// SPDX-License-Identifier: GPL-2.0-only
//! System calls that no program of the guest makes, in a process of their own.

use raext_model::request;
use serde::{Deserialize, Serialize};

/// Do these steps one after the other. The process is killed, and the FUSE file
/// system of [`Step::MountFuse`] with it, if it takes longer than `within_ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The name given to [`MakeCgroup`](super::MakeCgroup); the root if absent.
    pub cgroup: Option<String>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The longest that all of them may take.
    pub within_ms: u64,
}
request!(Act, "act" => Acted);

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Write this text to a file, of the kernel's as a rule.
    Write {
        /// The file.
        path: String,
        /// The text.
        text: String,
    },
    /// Open the file that later steps use.
    Open {
        /// The file.
        path: String,
    },
    /// `preadv2()` of the file. Value: bytes of the last one, or an error number below 0.
    Read {
        /// Where, bytes.
        offset: u64,
        /// How much, bytes.
        bytes: u64,
        /// The number of calls, each from `offset` on.
        times: u32,
        /// `RWF_*` bits.
        flags: i32,
    },
    /// Have the kernel read pages that will be needed, and do not wait for them.
    WillNeed {
        /// The first.
        page: u64,
        /// How many.
        pages: u64,
    },
    /// A read through `io_uring`. The time is that of its submission, the value as
    /// [`Step::Read`]'s.
    RingRead {
        /// Where, bytes.
        offset: u64,
        /// How much, bytes.
        bytes: u32,
    },
    /// Threads that read at the same time, each a stream of its own, through the one
    /// file descriptor.
    Streams {
        /// The streams.
        streams: Vec<Stream>,
    },
    /// Map the file from its begin.
    Map {
        /// How much, bytes.
        bytes: u64,
        /// `MADV_*`.
        advice: Option<i32>,
    },
    /// Touch a page of the mapping.
    Touch {
        /// Its number.
        page: u64,
    },
    /// Ask which pages of the mapping are in the cache (`mincore()`). Value: how many.
    Cached {
        /// The first.
        page: u64,
        /// How many.
        pages: u64,
    },
    /// Do nothing.
    Sleep {
        /// How long.
        ms: u64,
    },
    /// Mount a file system whose server is a thread of this process. It has one file,
    /// [`FUSE_FILE`], of zeros.
    MountFuse {
        /// How it serves.
        served: Served,
    },
    /// Load a kernel module. Value: 0, or an error number below 0.
    Insert {
        /// Its file.
        path: String,
    },
    /// Load a driver that the guest has as a module, with what it depends on.
    Driver {
        /// Its name.
        name: String,
    },
    /// Count reads that the server of [`Step::MountFuse`] was asked for. Value: how many
    /// began in these pages.
    FuseReads {
        /// The first.
        page: u64,
        /// How many.
        pages: u64,
    },
}

/// A stream of reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Where the first read begins, bytes.
    pub start: u64,
    /// Bytes of a read.
    pub op_bytes: u64,
    /// From the begin of a read to that of the next, bytes.
    pub apart: u64,
    /// How many reads.
    pub ops: u32,
    /// How long the stream waits before its first read.
    pub after_ms: u64,
}

/// The file of [`Step::MountFuse`].
pub const FUSE_FILE: &str = "/mnt/raext-fuse/data";

/// How a FUSE server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Length of the file, pages.
    pub pages: u64,
    /// Whether the kernel may read ahead without waiting (`FUSE_ASYNC_READ`).
    pub async_read: bool,
    /// From how many requests on the kernel holds readahead back; the kernel's own
    /// default if 0.
    pub congestion_threshold: u16,
    /// Whether the server changes its process's mapping of the file, a page of it in its
    /// last quarter, before it answers a read.
    pub maps: bool,
    /// Reads from `silent_page` on are not answered before so long after the first of them.
    pub silent_ms: u64,
    /// The first page whose reads are answered late.
    pub silent_page: u64,
}

/// What came of [`Act`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// The steps that were done.
    pub done: Vec<Did>,
    /// Whether the process had to be killed.
    pub hung: bool,
}

impl Acted {
    /// The value of the step with this number.
    ///
    /// # Panics
    /// When it was not done.
    pub fn value(&self, step: usize) -> i64 {
        self.done[step].value
    }
}

/// What came of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Did {
    /// How long it took.
    pub ns: u64,
    /// Its value, if it has one.
    pub value: i64,
}
