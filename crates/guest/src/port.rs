// SPDX-License-Identifier: GPL-2.0-only
//! The line to the host: a virtio-serial port, found by its name.
//!
//! It is for one thread alone. The kernel's driver takes a buffer from its
//! queue as soon as anyone looks whether there is one; if a second thread
//! polls the port just before the interrupt arrives, the interrupt finds
//! nothing new and the reader sleeps on (seen on 6.12, one boot in five).
//!
//! It does not block either. A blocking writer would wait for ever for a host
//! that is gone, and the machine would outlive the command that started it.

use crate::error::{AgentError, Context};
use crate::line::Line;
use raext_model::{Failure, PORT_NAME};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The ports of the guest.
const PORTS: &str = "/sys/class/virtio-ports";
/// The driver's own words on each port, and those that are looked for.
const STATES: &str = "/sys/kernel/debug/virtio-ports";
const HOST_IS_GONE: &str = "host_connected: 0";
/// How often they are looked for.
const WATCH: Duration = Duration::from_secs(1);
/// How long the port may take to appear and to be connected: QEMU tells of
/// both by messages, some time after the kernel has found the device.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How often that is looked for.
const PAUSE: Duration = Duration::from_millis(5);

/// The open port.
pub(crate) struct Port {
    /// The messages on it.
    pub line: Line<Device>,
    /// What the driver tells of the port to whoever wants to know.
    state: PathBuf,
}

impl Port {
    /// Find and open the port.
    ///
    /// # Errors
    /// When there is none by that name, it cannot be opened, or its other end is
    /// not open.
    pub(crate) fn open() -> Result<Self, AgentError> {
        let start = Instant::now();
        let late = |why: &str| Failure {
            what: format!("find the port {PORT_NAME}"),
            why: format!("{why} within {} s", READY_WITHIN.as_secs()),
        };
        let path = loop {
            if let Some(path) = find() {
                break path;
            }
            if start.elapsed() > READY_WITHIN {
                let why = "the kernel (it needs CONFIG_VIRTIO_CONSOLE=y) shows none";
                return Err(late(why).into());
            }
            sleep(PAUSE);
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let what = || format!("open {}", path.display());
        let device = Device(options.open(&path).context(what)?);
        while device.wait(PollFlags::OUT).context(what)?.contains(PollFlags::HUP) {
            if start.elapsed() > READY_WITHIN {
                return Err(late("the host did not connect to it").into());
            }
            sleep(PAUSE);
        }
        let state = Path::new(STATES).join(path.file_name().unwrap_or_default());
        Ok(Self { line: Line::new(device), state })
    }

    /// Call `gone` once the host is gone, from a thread of its own, so that
    /// the machine ends whatever it is at. The thread leaves the port itself
    /// alone, for the reason told above.
    pub(crate) fn watch(&self, gone: impl FnOnce() + Send + 'static) {
        let state = self.state.clone();
        std::thread::spawn(move || {
            let left = || fs::read_to_string(&state).is_ok_and(|s| s.contains(HOST_IS_GONE));
            while !left() {
                sleep(WATCH);
            }
            gone();
        });
    }
}

/// The device of the port, once it is there.
fn find() -> Option<PathBuf> {
    let ports = fs::read_dir(PORTS).ok()?;
    ports.flatten().find_map(|port| {
        let name = fs::read_to_string(port.path().join("name")).ok()?;
        let device = PathBuf::from("/dev").join(port.file_name());
        (name.trim_end() == PORT_NAME && device.exists()).then_some(device)
    })
}

/// The device, read and written as if it blocked, until the host is gone.
pub(crate) struct Device(File);

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device {
    /// Wait for one of `events`, or for the host to be gone (`HUP`).
    fn wait(&self, events: PollFlags) -> io::Result<PollFlags> {
        let mut fds = [PollFd::new(&self.0, events)];
        match poll(&mut fds, None) {
            // Whoever waits does so in a loop.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(fds[0].revents()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Device {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf) {
                // The driver says 0, the end, once the host is gone.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wait(PollFlags::IN)?;
                }
                result => return result,
            }
        }
    }
}

impl Write for Device {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.wait(PollFlags::OUT)?.contains(PollFlags::HUP) {
                        return Err(ErrorKind::BrokenPipe.into());
                    }
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
