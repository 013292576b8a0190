// SPDX-License-Identifier: GPL-2.0-only
//! A running machine: started, asked, switched off.

use crate::machine::console::Console;
use crate::machine::virtiofsd::Virtiofsd;
use crate::machine::{Accel, VmConfig, VmError, accel, kernel, programs, qemu};
use raext_model::{Reply, Request, Stream, WireError, read_message, write_message};
use rustix::fs::{MemfdFlags, memfd_create};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a crashing kernel may take for its report, and QEMU to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What the threads that listen to the machine have heard.
enum Event {
    /// The agent said something.
    Reply(Reply),
    /// The agent cannot be heard any more.
    PortEnd(WireError),
    /// The console has the kernel's last words, or was closed.
    Console,
    /// Input for the program that runs in the guest.
    Input { conversation: u64, data: Vec<u8> },
}

/// What a program that runs in the guest may take part in.
pub struct Talk<'a> {
    /// Gets what it prints, as it comes. Once this returns false, the program is
    /// killed.
    pub output: &'a mut dyn FnMut(Stream, &[u8]) -> bool,
    /// What it reads; nothing if absent. It is read by a thread of its own.
    pub input: Option<Box<dyn Read + Send>>,
}

/// A machine whose agent is up. Dropped, it is gone at once.
#[derive(Debug)]
pub struct Vm {
    child: Child,
    // After QEMU, whose end is theirs.
    shares: Vec<Virtiofsd>,
    /// What QEMU itself complained of.
    complaints: File,
    port: UnixStream,
    console: Console,
    events: Receiver<Event>,
    /// For those who are to be heard, too.
    tell: Sender<Event>,
    /// How many conversations there were.
    conversations: u64,
    accel: Accel,
    release: String,
    answer_deadline: Duration,
    /// Whether the agent can still be asked.
    alive: bool,
}

impl Vm {
    /// Start a machine and wait for its agent. `progress` is told of each step.
    ///
    /// # Errors
    /// When something that the machine needs is missing or unreadable, or when
    /// the machine does not start: see [`VmError`].
    pub fn boot(config: &VmConfig, progress: &dyn Fn(&str)) -> Result<Self, VmError> {
        kernel::check(&config.kernel)?;
        let qemu = programs::look_up(&config.qemu, false)
            .ok_or_else(|| VmError::NoQemu { program: config.qemu.clone() })?;
        progress("making the initramfs");
        let initramfs = programs::collect(config)?;
        let archive = unnamed("initramfs").map_err(VmError::Initramfs)?;
        initramfs.write(BufWriter::new(&archive)).map_err(VmError::Initramfs)?;
        let (accel, why) = accel::choose(config, &qemu, progress)?;
        progress(&format!("booting the microVM with {accel} ({why})"));
        let start = Instant::now();
        let mut vm = Self::start(config, &qemu, accel, &archive)?;
        vm.release = vm.greet(config.boot_deadline)?;
        progress(&format!(
            "Linux {} is up after {:.1} s",
            vm.release,
            start.elapsed().as_secs_f32()
        ));
        Ok(vm)
    }

    /// Start QEMU and the threads that listen to it.
    fn start(
        config: &VmConfig,
        qemu: &Path,
        accel: Accel,
        initramfs: &File,
    ) -> Result<Self, VmError> {
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
        let (to, events) = channel();
        let Some(stdout) = child.stdout.take() else { unreachable!("it was asked for") };
        let told = to.clone();
        let console = Console::follow(stdout, log, move || {
            // Nobody listens once the machine was dropped.
            let _ = told.send(Event::Console);
        });
        let vm = Self {
            child,
            shares,
            complaints,
            port,
            console,
            events,
            tell: to.clone(),
            conversations: 0,
            accel,
            release: String::new(),
            answer_deadline: config.answer_deadline,
            alive: true,
        };
        let port = vm.port.try_clone().map_err(spawn_error)?;
        thread::spawn(move || listen(port, &to));
        Ok(vm)
    }

    /// Wait for the agent's hello.
    fn greet(&mut self, deadline: Duration) -> Result<String, VmError> {
        match self.next(Instant::now() + deadline)? {
            Some(Reply::Hello { release }) => Ok(release),
            Some(Reply::Failed(failure)) => Err(VmError::Setup(failure)),
            Some(other) => Err(VmError::OutOfTurn { reply: format!("{other:?}") }),
            None => Err(VmError::BootDeadline { after: deadline, console: self.console.tail() }),
        }
    }

    /// The release of the guest's kernel, as `uname -r` has it.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// How the guest's instructions are carried out.
    pub fn accel(&self) -> Accel {
        self.accel
    }

    /// Ask the agent for something and wait for the outcome; `progress` gets
    /// the lines that it says meanwhile. [`Reply::Failed`] is an outcome too.
    ///
    /// # Errors
    /// When the machine is lost: its kernel crashed, it was silent for too
    /// long, QEMU ended. It is of no use afterwards.
    pub fn ask(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Reply, VmError> {
        if !self.alive {
            return Err(VmError::Gone);
        }
        if write_message(&mut self.port, request).is_err() {
            return Err(self.lost());
        }
        self.outcome(request, progress)
    }

    /// The outcome of what the agent was asked.
    fn outcome(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Reply, VmError> {
        loop {
            match self.next(Instant::now() + self.answer_deadline)? {
                Some(Reply::Progress { text }) => progress(&text),
                Some(reply @ Reply::Hello { .. }) => {
                    self.end();
                    return Err(VmError::OutOfTurn { reply: format!("{reply:?}") });
                }
                Some(reply) => return Ok(reply),
                None => {
                    self.end();
                    return Err(VmError::AnswerDeadline {
                        request: format!("{request:?}"),
                        after: self.answer_deadline,
                        console: self.console.tail(),
                    });
                }
            }
        }
    }

    /// As [`Vm::ask`], for the requests that run a program or end one.
    ///
    /// # Errors
    /// As [`Vm::ask`].
    pub fn talk(
        &mut self,
        request: &Request,
        talk: Talk<'_>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Reply, VmError> {
        if !self.alive {
            return Err(VmError::Gone);
        }
        self.conversations += 1;
        let mut source = Some(talk.input);
        let mut reader = None;
        let mut heeded = true;
        let mut next = Some(Cow::Borrowed(request));
        loop {
            if let Some(words) = next.take()
                && write_message(&mut self.port, words.as_ref()).is_err()
            {
                return Err(self.lost());
            }
            match self.outcome(request, progress)? {
                Reply::Output { stream, data } => {
                    if heeded && !(talk.output)(stream, &data) {
                        heeded = false;
                        next = Some(Cow::Owned(Request::Kill));
                    }
                }
                Reply::WantInput => {
                    let of = self.conversations;
                    let reader = reader.get_or_insert_with(|| {
                        let source = source.take().flatten();
                        source.map(|source| read_input(source, of, self.tell.clone()))
                    });
                    // Without a source, or once that has ended, the end.
                    if reader.as_ref().is_none_or(|wanted| wanted.send(()).is_err()) {
                        next = Some(Cow::Owned(Request::Input { data: Vec::new() }));
                    }
                }
                outcome => return Ok(outcome),
            }
        }
    }

    /// Switch the machine off in good order.
    ///
    /// # Errors
    /// When it crashes meanwhile, or does not end.
    pub fn power_off(mut self) -> Result<(), VmError> {
        match self.ask(&Request::PowerOff, &mut |_| {}) {
            Ok(Reply::Done) => {}
            Ok(other) => return Err(VmError::OutOfTurn { reply: format!("{other:?}") }),
            // The answer may be lost on the way: what was asked for is done.
            Err(VmError::Exited { status, .. }) if status.success() => return Ok(()),
            Err(error) => return Err(error),
        }
        self.console.wait_closed(self.answer_deadline);
        if let Some(words) = self.console.words() {
            return Err(VmError::Panic { words });
        }
        if !self.console.is_closed() {
            return Err(VmError::AnswerDeadline {
                request: "switch off".into(),
                after: self.answer_deadline,
                console: self.console.tail(),
            });
        }
        Ok(())
    }

    /// The agent's next words, `None` if there are none by `deadline`. Input for
    /// its program is passed on meanwhile.
    fn next(&mut self, deadline: Instant) -> Result<Option<Reply>, VmError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            return match self.events.recv_timeout(left) {
                Ok(Event::Reply(reply)) => Ok(Some(reply)),
                Ok(Event::Input { conversation, data }) => {
                    let wanted = conversation == self.conversations;
                    let input = Request::Input { data };
                    if wanted && write_message(&mut self.port, &input).is_err() {
                        return Err(self.lost());
                    }
                    continue;
                }
                Ok(Event::PortEnd(error @ WireError::Malformed { .. })) => {
                    self.end();
                    Err(VmError::Wire(error))
                }
                Ok(Event::PortEnd(_) | Event::Console) | Err(RecvTimeoutError::Disconnected) => {
                    Err(self.lost())
                }
                Err(RecvTimeoutError::Timeout) => Ok(None),
            };
        }
    }

    /// The machine crashed or ended: find out why.
    fn lost(&mut self) -> VmError {
        self.console.wait_closed(LAST_WORDS);
        let status = self.end();
        if let Some(words) = self.console.words() {
            return VmError::Panic { words };
        }
        let mut said = String::new();
        // What QEMU said is a help, no more.
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
    fn end(&mut self) -> Option<ExitStatus> {
        self.alive = false;
        // A closed console means that QEMU is ending by itself; its own status
        // is worth more than that of a kill.
        if !self.console.is_closed() {
            self.child.kill().ok()?;
        }
        self.child.wait().ok()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // An error would mean that it is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pass on what comes from the agent, to the end of the port.
fn listen(port: UnixStream, to: &Sender<Event>) {
    let mut port = BufReader::new(port);
    loop {
        let (event, last) = match read_message(&mut port) {
            Ok(reply) => (Event::Reply(reply), false),
            Err(error) => (Event::PortEnd(error), true),
        };
        if to.send(event).is_err() || last {
            return;
        }
    }
}

/// Read `source` in a thread, a portion each time that the sender is used, and
/// tell it as an event. An unreadable source is one that has ended.
fn read_input(
    mut source: Box<dyn Read + Send>,
    conversation: u64,
    to: Sender<Event>,
) -> Sender<()> {
    const PORTION: usize = 64 << 10;
    let (wanted, wants) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; PORTION];
        for () in wants {
            let length = source.read(&mut buffer).unwrap_or(0);
            let data = buffer[..length].to_owned();
            if to.send(Event::Input { conversation, data }).is_err() || length == 0 {
                return;
            }
        }
    });
    wanted
}

/// A file in memory, gone with the last one who has it open.
fn unnamed(name: &str) -> std::io::Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}
