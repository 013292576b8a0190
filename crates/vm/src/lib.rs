// SPDX-License-Identifier: GPL-2.0-only
//! The microVM with a stock kernel, the module and policies in it.
//!
//! The command and the tests drive policies through this crate, so that what is
//! tested is what users run.

mod assembly;
mod error;
mod input;
pub mod machine;
mod paths;
mod programs;
mod session;
mod transport;

pub use assembly::{GuestObject, KernelChoice, Machine};
pub use error::SessionError;
pub use machine::{Disk, Port, Share, libraries};
pub use paths::Paths;
pub use programs::{Captured, Streams, root_over};
pub use session::Session;
pub use transport::{Socket, Transport, Waker};
