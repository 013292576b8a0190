// SPDX-License-Identifier: GPL-2.0-only
//! Real software as rows of a measurement.
//!
//! A row ([`Entry`]) is an application of Debian's packages, unpacked and not
//! installed ([`Software`]), a data set that its own programs have made in the
//! microVM ([`DataSet`]), what is run, and what the right answer is.
//! [`SoftwareRow`] gets what an entry lacks, and runs it for the benchmark.

mod backup;
mod catalogue;
mod dataset;
mod error;
mod fio;
mod guest;
mod line;
mod model;
mod outcome;
mod packages;
mod postgres;
mod ripgrep;
mod rocksdb;
mod row;
mod sqlite;

pub use catalogue::{Entry, catalogue, find};
pub use dataset::{DataSet, Made};
pub use error::SoftwareError;
pub use packages::Software;
pub use row::SoftwareRow;
