// SPDX-License-Identifier: GPL-2.0-only
//! The line to the host: a virtio-serial port, found by its name.

use crate::error::{AgentError, Context};
use raext_proto::{Failure, PORT_NAME, Reply, Request, WireError, read_message, write_message};
use std::fs::{self, File, OpenOptions};
use std::io::BufReader;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The ports of the guest.
const PORTS: &str = "/sys/class/virtio-ports";
/// How long the port may take to appear: QEMU announces it by a message, some
/// time after the kernel has found the device.
const APPEARS_WITHIN: Duration = Duration::from_secs(10);

/// The open port.
pub struct Port {
    from: BufReader<File>,
    to: File,
}

impl Port {
    /// Find and open the port.
    ///
    /// # Errors
    /// When there is none by that name, or it cannot be opened.
    pub fn open() -> Result<Self, AgentError> {
        let path = find()?;
        let what = || format!("open {}", path.display());
        let to = OpenOptions::new().read(true).write(true).open(&path).context(what)?;
        // The kernel lets a port be opened once; a duplicate is the same opening.
        let from = BufReader::new(to.try_clone().context(what)?);
        Ok(Self { from, to })
    }

    /// Wait for the next request.
    ///
    /// # Errors
    /// [`WireError::Closed`] when the host is gone.
    pub fn receive(&mut self) -> Result<Request, WireError> {
        read_message(&mut self.from)
    }

    /// Send a reply.
    ///
    /// # Errors
    /// When the port fails.
    pub fn send(&mut self, reply: &Reply) -> Result<(), WireError> {
        write_message(&mut self.to, reply)
    }
}

fn find() -> Result<PathBuf, Failure> {
    let start = Instant::now();
    loop {
        for port in fs::read_dir(PORTS).into_iter().flatten().flatten() {
            let name = fs::read_to_string(port.path().join("name")).unwrap_or_default();
            let device = PathBuf::from("/dev").join(port.file_name());
            if name.trim_end() == PORT_NAME && device.exists() {
                return Ok(device);
            }
        }
        if start.elapsed() > APPEARS_WITHIN {
            return Err(Failure {
                what: format!("find the port {PORT_NAME}"),
                why: format!("no such port in {PORTS}: the kernel needs CONFIG_VIRTIO_CONSOLE=y"),
            });
        }
        sleep(Duration::from_millis(5));
    }
}
