// SPDX-License-Identifier: GPL-2.0-only
//! The library of readahead policies in Rust.
//!
//! A policy is a few plain functions and a table that names them:
//!
//! ```
//! use raext_policy::prelude::*;
//!
//! tunable! {
//!     /// The limit of a window, KiB.
//!     pub static LIMIT_KB: u32 = 4096, in 4..=65536;
//! }
//!
//! fn limit(_s: &State) -> Limit {
//!     Limit::kib(LIMIT_KB.get())
//! }
//!
//! policy! {
//!     name: "wide",
//!     get_max_ra: limit,
//! }
//! ```
//!
//! Every callback is optional. One that the table does not name is not there for
//! the kernel either, which means "as the kernel does".
//!
//! Three more things make a policy that knows its files: [`decide`](policy!) takes
//! a decision over, [`State::prefetch`] reads ranges anywhere in the file, and
//! [`memory!`] keeps what was learned of each file.
//!
//! Compiled for the machine that runs `cargo test`, a policy is an ordinary
//! library: its functions are called with states made by [`State::miss`],
//! [`State::mark`] and [`State::fault`], and [`testing`] shows which ranges they
//! asked for. Compiled for BPF (`raext build`), the
//! macros add what the kernel wants to see: the table, the sections, the licence,
//! the panic handler.

#![no_std]

#[cfg(not(target_arch = "bpf"))]
extern crate std;

pub mod abi;
mod answer;
mod clock;
#[doc(hidden)]
pub mod glue;
mod memory;
mod plain;
mod prefetch;
mod shared;
mod state;
mod table;
mod task;
#[cfg(not(target_arch = "bpf"))]
pub mod testing;
pub mod tree;
mod tunable;

pub use answer::{Decision, Limit, Window};
pub use clock::now_ns;
#[doc(hidden)]
pub use memory::place;
pub use memory::{FileKey, InPlace, PerFile};
pub use plain::Plain;
pub use shared::{Shared, Word};
pub use state::{Event, State};
pub use task::task_id;
pub use tunable::{Tunable, Value};

/// Everything that a policy needs.
pub mod prelude {
    pub use crate::{
        Decision, Event, InPlace, Limit, PerFile, State, Tunable, Window, Word, memory, now_ns,
        plain, policy, shared, task_id, tunable,
    };
}

/// A policy's name as the kernel has it.
///
/// # Panics
/// When the name is empty, has blanks or does not fit: at compile time, which
/// is when [`policy!`] calls this.
#[doc(hidden)]
pub const fn glue_name(name: &str) -> [u8; abi::BPF_FS_RA_NAME_LEN] {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty(), "a policy needs a name");
    assert!(bytes.len() < abi::BPF_FS_RA_NAME_LEN, "a policy's name has 15 characters at most");
    let mut out = [0; abi::BPF_FS_RA_NAME_LEN];
    let mut i = 0;
    while i < bytes.len() {
        assert!(bytes[i].is_ascii_graphic(), "a policy's name has no blanks and is ASCII");
        out[i] = bytes[i];
        i += 1;
    }
    out
}

/// Bytes of a page.
pub const PAGE_SIZE: u64 = 4096;
