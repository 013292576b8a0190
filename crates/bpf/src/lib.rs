// SPDX-License-Identifier: GPL-2.0-only
//! From a policy's source to the verdict of the kernel, in four steps.
//!
//! [`build`] compiles a crate or a C file into an object file. [`object`] reads
//! what the object file says of itself. [`load`] hands the object to the kernel,
//! attaches and pins it. [`verdict`] explains the verifier's log.

pub mod build;
pub mod load;
pub mod object;
#[cfg(test)]
mod testing;
pub mod verdict;
