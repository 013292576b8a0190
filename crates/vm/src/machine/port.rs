// SPDX-License-Identifier: GPL-2.0-only
//! A running machine: started, heard, ended.

use crate::machine::console::Console;
use crate::machine::virtiofsd::Virtiofsd;
use crate::machine::{Accel, VmConfig, VmError, accel, kernel, programs, qemu};
use crate::transport::{Socket, Transport, Waker};
use raext_model::Progress;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{BufWriter, Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a crashing kernel may take for its report, and QEMU to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A machine and the port of its agent. Dropped, it is gone at once.
#[derive(Debug)]
pub struct Port {
    child: Child,
    // After QEMU, whose end is theirs.
    shares: Vec<Virtiofsd>,
    /// The messages of QEMU itself.
    complaints: File,
    socket: Socket,
    console: Console,
    accel: Accel,
    started: Instant,
    /// Whether the agent can still be asked.
    is_alive: bool,
    /// Held open until the agent speaks: QEMU opens it by this process's descriptor.
    initramfs: Option<File>,
}

impl Port {
    /// Start a machine. Its agent says hello when it is up.
    ///
    /// # Errors
    /// When something that the machine needs is missing or unreadable: see
    /// [`VmError`].
    pub fn boot(config: &VmConfig, progress: &dyn Progress) -> Result<Self, VmError> {
        kernel::check(&config.kernel)?;
        let qemu = programs::look_up(&config.qemu, false)
            .ok_or_else(|| VmError::NoQemu { program: config.qemu.clone() })?;
        progress.step("making the initramfs");
        let initramfs = programs::collect(config)?;
        let archive = unnamed("initramfs").map_err(VmError::Initramfs)?;
        initramfs.write(BufWriter::new(&archive)).map_err(VmError::Initramfs)?;
        let (accel, why) = accel::choose(config, &qemu, progress)?;
        progress.step(&format!("booting the microVM with {accel} ({why})"));
        Self::start(config, &qemu, accel, archive)
    }

    /// Start QEMU and the threads that listen to it.
    fn start(
        config: &VmConfig,
        qemu: &Path,
        accel: Accel,
        initramfs: File,
    ) -> Result<Self, VmError> {
        let started = Instant::now();
        let log = config.console_log.as_ref().map(|path| {
            File::create(path).map_err(|source| VmError::ConsoleLog { path: path.clone(), source })
        });
        let log = log.transpose()?;
        let spawn_error = |source| VmError::Spawn { program: qemu.to_owned(), source };
        let (port, theirs) = UnixStream::pair().map_err(spawn_error)?;
        let complaints = unnamed("qemu-stderr").map_err(spawn_error)?;
        // Neither file has a name, so that none is left behind however we end:
        // QEMU, our child, opens the initramfs as a file of ours.
        let path = format!("/proc/{}/fd/{}", std::process::id(), initramfs.as_raw_fd());
        let mut command =
            qemu::machine(qemu, accel, &config.kernel, config.memory_mib, config.cpus);
        qemu::add_agent(&mut command, &PathBuf::from(path));
        let mut shares = Vec::new();
        for share in &config.shares {
            shares.push(Virtiofsd::start(share)?);
        }
        let sockets =
            shares.iter_mut().filter_map(|s| Some((s.tag().to_owned(), s.take_socket()?)));
        qemu::add_shares(&mut command, config.memory_mib, sockets.collect());
        qemu::add_disks(&mut command, &config.disks)?;
        let child = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(complaints.try_clone().map_err(spawn_error)?))
            .spawn();
        // The command holds QEMU's ends of the sockets open.
        drop(command);
        let mut child = child.map_err(spawn_error)?;
        let socket = Socket::new(port).map_err(spawn_error)?;
        let Some(stdout) = child.stdout.take() else { unreachable!("it was asked for") };
        let console = Console::follow(stdout, log, socket.wake());
        Ok(Self {
            child,
            shares,
            complaints,
            socket,
            console,
            accel,
            started,
            is_alive: true,
            initramfs: Some(initramfs),
        })
    }

    /// How the guest's instructions are carried out.
    pub fn accel(&self) -> Accel {
        self.accel
    }

    /// When QEMU was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The machine crashed or ended: find out why.
    fn lost(&mut self) -> VmError {
        self.console.wait_closed(LAST_WORDS);
        let status = self.kill();
        if let Some(words) = self.console.words() {
            return VmError::Panic { words };
        }
        let mut said = String::new();
        // The messages of QEMU only help the reader.
        let _ = self.complaints.rewind().and_then(|()| self.complaints.read_to_string(&mut said));
        let said: Vec<String> = [said.trim().to_owned()]
            .into_iter()
            .chain(self.shares.iter_mut().filter_map(Virtiofsd::words))
            .filter(|words| !words.is_empty())
            .collect();
        match status {
            Some(status) => {
                VmError::Exited { status, said: said.join("\n"), console: self.console.tail() }
            }
            None => VmError::Gone,
        }
    }

    /// End QEMU if it has not ended, and learn how it did.
    fn kill(&mut self) -> Option<ExitStatus> {
        self.is_alive = false;
        // A closed console means that QEMU is ending by itself; its own status
        // is worth more than that of a kill.
        if !self.console.is_closed() {
            self.child.kill().ok()?;
        }
        self.child.wait().ok()
    }
}

impl Transport for Port {
    fn send(&mut self, line: &str) -> Result<(), VmError> {
        if !self.is_alive {
            return Err(VmError::Gone);
        }
        if self.socket.write(line) { Ok(()) } else { Err(self.lost()) }
    }

    fn next(&mut self, by: Instant) -> Result<Option<String>, VmError> {
        match self.socket.read(by) {
            // The console wakes us, too: at the kernel's last words and at its end.
            Ok(None) if self.console.is_closed() || self.console.words().is_some() => {
                Err(self.lost())
            }
            Ok(line) => {
                if line.is_some() {
                    self.initramfs = None;
                }
                Ok(line)
            }
            Err(_) => Err(self.lost()),
        }
    }

    fn waker(&self) -> Waker {
        Box::new(self.socket.wake())
    }

    fn is_alive(&self) -> bool {
        self.is_alive && !self.console.is_closed() && self.console.words().is_none()
    }

    fn end(&mut self) -> String {
        self.kill();
        self.console.tail()
    }

    fn wait_end(&mut self, within: Duration) -> Result<(), VmError> {
        self.console.wait_closed(within);
        if let Some(words) = self.console.words() {
            return Err(VmError::Panic { words });
        }
        if !self.console.is_closed() {
            let (request, console) = ("switch off".into(), self.end());
            return Err(VmError::AnswerDeadline { request, after: within, console });
        }
        Ok(())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // An error would mean that it is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file in memory, gone with the last one who has it open.
fn unnamed(name: &str) -> std::io::Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}
