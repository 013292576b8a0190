// SPDX-License-Identifier: GPL-2.0-only
//! The microVM: a stock kernel in QEMU, an initramfs made here, and the agent
//! in it.
//!
//! [`Port::boot`] puts the agent, the kernel modules and the programs that the
//! guest needs into an initramfs ([`VmConfig`]), picks KVM if it proves itself
//! and TCG otherwise ([`Accel`]) and starts QEMU. Messages pass over a virtio-serial
//! port ([`crate::Session`]). The
//! serial console is read all the while: a kernel that panics is noticed at
//! once and reported in its own words, and a machine that says nothing for too
//! long is ended ([`VmError`]).
//!
//! Nothing of the host is changed, and nothing is left on its disk: the
//! initramfs is a file without a name, the port a socket without one, and the
//! guest has no network. It sees those folders of the host that it is given
//! ([`Share`]), which it can only read, and those image files ([`Disk`]).

mod accel;
mod config;
mod console;
mod error;
mod initramfs;
mod kernel;
mod libs;
mod port;
mod programs;
mod qemu;
mod readonly;
mod trouble;
mod virtiofsd;

pub use accel::Accel;
pub use config::{Disk, GuestFile, GuestModule, Share, Source, VmConfig};
pub use error::VmError;
pub use libs::libraries;
pub use port::Port;
