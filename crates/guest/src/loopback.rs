// SPDX-License-Identifier: GPL-2.0-only
//! The network of the guest: itself.

use crate::error::Context;
use raext_model::Failure;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;

/// Bring up `lo`, for servers and their clients (netdevice(7)).
///
/// # Errors
/// When the kernel refuses it.
pub(crate) fn up() -> Result<(), Failure> {
    let what = || "bring up the loopback device".to_owned();
    let socket = UdpSocket::bind("0.0.0.0:0").context(what)?;
    // SAFETY: zeros are a request without a name.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the request outlives the call and is of the kind that it wants.
    let result =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()).context(what) }
}
