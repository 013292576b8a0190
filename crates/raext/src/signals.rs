// SPDX-License-Identifier: GPL-2.0-only
//! Waiting for the end of a foreground policy.

use crate::exit::Result;
use raext_model::IoExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;

/// The signals that end a foreground policy. From here on they do not end the process.
pub(crate) fn watch() -> Result<Signals> {
    Signals::new([SIGINT, SIGTERM, SIGHUP]).ours("waiting for", Path::new("signals"))
}
