// SPDX-License-Identifier: GPL-2.0-only
//! Waiting for the end of a foreground policy.

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Wait for SIGINT, SIGTERM or SIGHUP.
pub fn wait_for_end() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    signals.forever().next();
    Ok(())
}
