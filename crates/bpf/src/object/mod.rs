// SPDX-License-Identifier: GPL-2.0-only
//! The facts in a policy's object file, before a kernel sees it.
//!
//! [`PolicyObject::read`] is the first station of every policy: what is no
//! readahead policy at all is reported here, in words of the user's world, instead
//! of in the errno of a system call.

mod btf;
mod error;
mod policy;
mod tunable;
mod wants;

pub use error::ObjectError;
pub use policy::PolicyObject;
pub use tunable::{Kind, Tunable};
pub(crate) use wants::WANTS;

/// The struct_ops type that a readahead policy provides.
pub const OPS_TYPE: &str = "bpf_fs_readahead_ops";
/// The struct that its callbacks are given.
pub const STATE_TYPE: &str = "bpf_fs_readahead_state";

/// Where a table of callbacks lies: with a link, or as the first objects had it.
pub(crate) const TABLES: [&str; 2] = [".struct_ops.link", ".struct_ops"];
