// SPDX-License-Identifier: GPL-2.0-only
//! The one engine that measures: a plan's cells are run in an order that favours no
//! contender, each run is kept as soon as it has ended, and a machine that dies
//! marks its cell while the rest goes on.

mod contender;
mod date;
mod error;
mod flaw;
mod known;
mod machines;
mod plan;
mod run;
mod store;
#[cfg(test)]
mod tests;
mod work;

pub use contender::{CACHED, Contender, DEFAULT_KB, FIXED_KB, Policy, digest};
pub use error::BenchError;
pub use flaw::Flaw;
pub use known::{Known, KnownWork, Run};
pub use machines::{Guest, Machines, MicroVms};
pub use plan::{Attach, Cell, Plan, SlowRule, order};
pub use run::Experiment;
pub use store::{Boot, CostLine, FileStore, Header, Line, MemoryStore, RunLine, Store, WorkLine};
pub use work::{CUT, CUT_BLIND, How, Limit, Outcome, Part, Pattern, Place, Work, id};
