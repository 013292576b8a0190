// SPDX-License-Identifier: GPL-2.0-only
//! The module under test is removed. Only tests ask for it.

use raext_bpf::load::{RELEASED_WITHIN, Resource, released};
use raext_guest::parts::Context;
use raext_model::Failure;
use rustix::system::delete_module;
use std::time::Instant;

/// Remove the module `readahead_ext`.
///
/// # Errors
/// When it is not loaded or in use: a policy is attached.
pub(super) fn unload_ours() -> Result<(), Failure> {
    // O_NONBLOCK: the kernel knows no other way any more, and it says that a
    // module in use is refused, not waited for.
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    delete_module(c"readahead_ext", nonblock).context(|| "remove module readahead_ext".into())
}

/// Remove the module `readahead_ext` once the kernel has released detached policies.
///
/// # Errors
/// When it is not loaded, or still in use after [`RELEASED_WITHIN`].
pub(super) fn unload_released() -> Result<(), Failure> {
    released(Resource::Module, Instant::now() + RELEASED_WITHIN);
    unload_ours()
}
