// SPDX-License-Identifier: GPL-2.0-only
//! The verifier's log → an explanation.
//!
//! The kernel refuses a program with a log that is exact and, to whoever wrote
//! the program, hard to read. [`explain()`] turns it into what a compiler would
//! have said: what is wrong, where in the source, which value is at fault, and
//! what to do about it.
//!
//! The causes of refusals are a table (`rules`); the rest of the crate
//! reads the log (`log`, `register`) and finds the source (`place`). A refusal
//! that the table does not know keeps its place and the kernel's own words.

mod cause;
mod display;
mod explain;
mod log;
mod place;
mod register;
mod rules;

pub use cause::Cause;
pub use explain::{Facts, Verdict, explain, explain_with};
pub use place::Place;
