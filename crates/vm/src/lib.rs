// SPDX-License-Identifier: GPL-2.0-only
//! The microVM with a stock kernel, the module and policies in it.
//!
//! The command and the tests drive policies through this crate, so that what is
//! tested is what users run.

mod engine;
mod error;
pub mod machine;
mod paths;
mod programs;

pub use engine::{Engine, GuestObject, KernelChoice, Setup};
pub use error::EngineError;
pub use machine::{Disk, Share, Talk, libraries};
pub use paths::Paths;
pub use programs::Captured;
