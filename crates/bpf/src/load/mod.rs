// SPDX-License-Identifier: GPL-2.0-only
//! Loads, attaches and pins readahead policies with libbpf.
//!
//! The command uses this on the host, the agent in the microVM: a verdict that
//! was given in the one is given by the same code in the other.

mod attach;
mod attached;
pub(crate) mod capture;
mod counters;
mod error;
mod layout;
mod loaded;
mod pins;
mod release;
mod swap;
mod table;
mod widen;

pub use attach::{Attached, Attempt, attach, pin_path};
pub use attached::{AttachedPolicy, attached};
pub use counters::{Counters, DROPPED, counters, decisions};
pub use error::LoadError;
pub use loaded::{check, check_tunables};
pub use pins::{PIN_DIR, PinnedPolicy, Pins, UnreadablePin, detach, pins};
pub use release::{Holder, Holders, RELEASED_WITHIN, Resource, await_release, released};
pub use swap::{Swapped, swap};
pub use table::{Row, parse as parse_table};
