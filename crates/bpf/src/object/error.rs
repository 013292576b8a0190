// SPDX-License-Identifier: GPL-2.0-only
//! Why a file is no readahead policy.

use raext_model::{Classified, Kind};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The fault of an object file, or of a tunable given for it.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// There is no such file.
    #[error("{}: no such file", .0.display())]
    Missing(PathBuf),
    /// It is a directory.
    #[error("{}: is a directory: give the object file in it, or a folder with a Cargo.toml", .0.display())]
    Directory(PathBuf),
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no content.
    #[error("{}: is empty: build the policy again", .0.display())]
    Empty(PathBuf),
    /// It is something else than an object file.
    #[error("{}: is no object file (no ELF): build the policy with `raext build`", .0.display())]
    NotElf(PathBuf),
    /// A policy in Rust that may panic, which the kernel has no way to do.
    #[error(
        "{}: the policy may panic ({what}): use get(i) for [i], wrapping or saturating \
         arithmetic, and let-else for unwrap()",
        path.display()
    )]
    Panics {
        /// The file.
        path: PathBuf,
        /// The core library's function for it.
        what: String,
    },
    /// It begins as an object file and does not end as one.
    #[error("{}: is truncated or damaged ({why}): build the policy again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The part that does not fit.
        why: String,
    },
    /// It is for another machine.
    #[error("{}: is an object file for {machine}, not for BPF: build it with `raext build`", path.display())]
    NotBpf {
        /// The file.
        path: PathBuf,
        /// The machine that it is for.
        machine: String,
    },
    /// It has no type information.
    #[error("{}: has no BTF: compile with -g, or build it with `raext build`", .0.display())]
    NoBtf(PathBuf),
    /// It is BPF, but provides no table of callbacks.
    #[error(
        "{}: has no struct_ops table (section .struct_ops.link): it is a BPF object, but no policy",
        .0.display()
    )]
    NoStructOps(PathBuf),
    /// Its table is for something else.
    #[error("{}: is a {found}, not a readahead policy ({})", path.display(), crate::object::OPS_TYPE)]
    ForeignType {
        /// The file.
        path: PathBuf,
        /// The struct_ops type that it provides.
        found: String,
    },
    /// It has more than one table.
    #[error("{}: holds several policies ({names}): put each into an object of its own", path.display())]
    Several {
        /// The file.
        path: PathBuf,
        /// Their variables.
        names: String,
    },
    /// No such tunable.
    #[error("{}: has no tunable '{name}'; {known}", path.display())]
    UnknownTunable {
        /// The file.
        path: PathBuf,
        /// The name as given.
        name: String,
        /// Those it has, for people.
        known: String,
    },
    /// A tunable's value does not fit its type.
    #[error("{}: tunable {name}: '{value}' {why}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The tunable.
        name: String,
        /// The value as given.
        value: String,
        /// Its fault.
        why: String,
    },
}

impl Classified for ObjectError {
    fn kind(&self) -> Kind {
        // Each is about the file that the user named.
        Kind::Refused
    }
}
