// SPDX-License-Identifier: GPL-2.0-only
//! A program that runs while the host listens: what it prints goes to the host as
//! it comes, what it reads comes from there.
//!
//! All in one thread, since the port is for one alone.

use crate::error::Context;
use crate::program::{Running, Streams, not_started};
use crate::table::{ForProgram, Host};
use crate::workload::Volume;
use raext_model::{Failure, Output, Program, Ran, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::fcntl_setpipe_size;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often the host is told that all is well, however silent the program.
const PULSE: Duration = Duration::from_secs(10);
/// What is read at once, and what a pipe holds, so that a program seldom waits.
const PORTION: usize = 64 << 10;
const PIPE: usize = 1 << 20;
/// How long what a killed process held may take to be let go.
const DRAIN: Duration = Duration::from_secs(10);

/// Run a program to its end.
///
/// # Errors
/// When it cannot be started for other reasons than its own.
pub(crate) fn run(
    host: &mut dyn Host,
    id: u32,
    program: &Program,
    root: &Path,
    volume: Option<&Volume>,
) -> Result<Ran, Failure> {
    let output = || match program.output {
        Output::Send => Stdio::piped(),
        Output::Discard => Stdio::null(),
    };
    let stdin = if program.input { Stdio::piped() } else { Stdio::null() };
    let streams = Streams { stdin, stdout: output(), stderr: output() };
    let mut running = match Running::start(id, program, root, volume, streams)? {
        Ok(running) => running,
        Err(end) => return Ok(not_started(end)),
    };
    let (stdin, stdout, stderr) = running.pipes();
    let outputs =
        [(Stream::Stdout, stdout.map(OwnedFd::from)), (Stream::Stderr, stderr.map(OwnedFd::from))];
    let mut pass = Pass {
        host,
        outputs: outputs.into_iter().filter_map(|(s, fd)| Some((s, File::from(fd?)))).collect(),
        input: Input::new(stdin).context(|| "pass input on".into())?,
        buffer: vec![0; PORTION],
        pulse: Instant::now(),
    };
    for (_, pipe) in &pass.outputs {
        // Where that is too much for the kernel, it stays as small as it is.
        let _ = fcntl_setpipe_size(pipe, PIPE);
    }
    while !running.has_ended()? {
        pass.turn(Some(&running), running.deadline())?;
    }
    pass.input = Input::new(None).context(|| "pass input on".into())?;
    let left = running.clear_up();
    pass.drain(program.leave_children)?;
    let outputs = std::mem::take(&mut pass.outputs);
    if !outputs.is_empty() {
        // A daemon may print again, which is not to end it.
        thread::spawn(move || {
            for (_, mut pipe) in outputs {
                let _ = io::copy(&mut pipe, &mut io::sink());
            }
        });
    }
    running.report(volume, left)
}

struct Pass<'a> {
    host: &'a mut dyn Host,
    /// What has not come to its end.
    outputs: Vec<(Stream, File)>,
    input: Input,
    buffer: Vec<u8>,
    pulse: Instant,
}

/// The program's standard input.
struct Input {
    pipe: Option<File>,
    /// What the host has sent and the pipe had no room for.
    left: Vec<u8>,
    /// Whether the host was asked for more.
    asked: bool,
}

impl Input {
    fn new(pipe: Option<ChildStdin>) -> Result<Self, Errno> {
        let pipe = pipe.map(OwnedFd::from).map(File::from);
        if let Some(pipe) = &pipe {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { pipe, left: Vec::new(), asked: false })
    }

    /// Whether something is to be done once the pipe has room.
    fn waits(&self) -> bool {
        self.pipe.is_some() && !(self.asked && self.left.is_empty())
    }

    fn write(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.write(&self.left) {
            Ok(written) => drop(self.left.drain(..written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The reader has closed its end.
            Err(_) => self.pipe = None,
        }
    }
}

impl Pass<'_> {
    /// Wait for something to happen, but not beyond `until`, and see to it.
    /// Without a program, only what it has printed is of interest.
    fn turn(&mut self, running: Option<&Running>, until: Option<Instant>) -> Result<(), Failure> {
        let what = || "watch a program".to_owned();
        if self.pulse.elapsed() >= PULSE {
            self.pulse = Instant::now();
            self.host.progress("running");
        }
        if self.host.has_begun() && running.is_some() {
            return self.hear(running);
        }
        let now = Instant::now();
        let wait = until.map_or(PULSE, |until| until.saturating_duration_since(now).min(PULSE));
        let wait = Timespec::try_from(wait).context(what)?;
        let mut fds: Vec<_> =
            self.outputs.iter().map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN)).collect();
        let outputs = fds.len();
        if let Some(running) = running {
            fds.push(PollFd::from_borrowed_fd(running.descriptor(), PollFlags::IN));
            fds.push(PollFd::from_borrowed_fd(self.host.descriptor(), PollFlags::IN));
        }
        if let (Some(pipe), true) = (&self.input.pipe, self.input.waits()) {
            fds.push(PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::OUT));
        }
        match poll(&mut fds, Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context(what),
        }
        let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        for at in (0..outputs).rev().filter(|&at| ready[at]) {
            self.pass_on(at)?;
        }
        if running.is_some() && ready[outputs + 1] {
            self.hear(running)?;
        }
        if running.is_some() && ready.get(outputs + 2) == Some(&true) {
            if self.input.left.is_empty() {
                self.input.asked = true;
                self.host.want_input()?;
            } else {
                self.input.write();
            }
        }
        Ok(())
    }

    /// The program has ended: pass on what it has printed. Where its children live
    /// on, what they print later is theirs.
    fn drain(&mut self, children_live: bool) -> Result<(), Failure> {
        let until = Instant::now() + DRAIN;
        while !self.outputs.is_empty() && Instant::now() < until {
            if children_live {
                let mut fds: Vec<_> =
                    self.outputs.iter().map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN)).collect();
                let none = Timespec { tv_sec: 0, tv_nsec: 0 };
                if poll(&mut fds, Some(&none)) == Ok(0) {
                    return Ok(());
                }
            }
            self.turn(None, Some(until))?;
        }
        Ok(())
    }

    /// Send what there is of an output.
    fn pass_on(&mut self, at: usize) -> Result<(), Failure> {
        let (stream, pipe) = &mut self.outputs[at];
        let stream = *stream;
        match pipe.read(&mut self.buffer) {
            Ok(0) => drop(self.outputs.remove(at)),
            Ok(length) => self.host.output(stream, &self.buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context(|| "read what a program prints".into()),
        }
        Ok(())
    }

    /// The host says something.
    fn hear(&mut self, running: Option<&Running>) -> Result<(), Failure> {
        match self.host.hear()? {
            ForProgram::Input(data) => {
                self.input.asked = false;
                if data.is_empty() {
                    self.input.pipe = None;
                } else {
                    self.input.left = data;
                    self.input.write();
                }
            }
            ForProgram::Kill => {
                if let Some(running) = running {
                    running.kill();
                }
            }
        }
        Ok(())
    }
}
