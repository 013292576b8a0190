// SPDX-License-Identifier: GPL-2.0-only
//! Waiting for the end of a foreground policy.

use crate::exit::Result;
use raext_model::IoExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;

/// Wait for SIGINT, SIGTERM or SIGHUP.
pub fn wait_for_end() -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).ours("waiting for", Path::new("signals"))?;
    signals.forever().next();
    Ok(())
}
