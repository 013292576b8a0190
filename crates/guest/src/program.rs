// SPDX-License-Identifier: GPL-2.0-only
//! A program in the root of programs: started, watched, counted.

use crate::error::Context;
use crate::policy;
use crate::workload::{Cgroup, DeviceReads, Volume};
use raext_model::{End, Failure, Program, Ran};
use rustix::fs::Mode;
use rustix::process::{Gid, Pid, PidfdFlags, Resource, Rlimit, Uid, pidfd_open, setrlimit};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Counters by kind of event and name.
type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// A mark in an error number that tells which step failed.
const AT_CWD: i32 = 1 << 16;

/// How the cgroup of each begins.
const GROUP: &str = "program";

/// Where the three streams of a program go.
pub(crate) struct Streams {
    /// Standard input.
    pub stdin: Stdio,
    /// Standard output.
    pub stdout: Stdio,
    /// Standard error.
    pub stderr: Stdio,
}

/// A program that was started. Dropped, it is killed, with its children.
pub(crate) struct Running {
    child: Child,
    watched: OwnedFd,
    group: Option<Cgroup>,
    began: Instant,
    deadline: Option<Instant>,
    leave_children: bool,
    before: Seen,
    ended: Option<(End, Duration)>,
}

/// What is counted for all.
struct Seen {
    reads: DeviceReads,
    counts: Counts,
}

impl Seen {
    fn now(volume: Option<&Volume>) -> Result<Self, Failure> {
        let reads = volume.map_or(Ok(DeviceReads::default()), Volume::device_reads);
        let reads = reads.context(|| "ask the device".into())?;
        Ok(Self { reads, counts: policy::counts() })
    }
}

impl Running {
    /// Start a program as number `id`. `Err` in the result: it cannot be executed.
    ///
    /// # Errors
    /// When something else is in its way.
    pub(crate) fn start(
        id: u32,
        program: &Program,
        root: &Path,
        volume: Option<&Volume>,
        streams: Streams,
    ) -> Result<Result<Self, End>, Failure> {
        let [name, arguments @ ..] = &program.argv[..] else {
            let why = "no program was named".into();
            return Err(Failure { what: "run a program".into(), why });
        };
        let what = || format!("run {name}");
        let before = Seen::now(volume)?;
        let group = Cgroup::make(&format!("{GROUP}{id}"), program.memory_max).context(what)?;
        let entrance = group.entrance().context(what)?;
        let text = |text: &str| CString::new(text).context(what);
        let (cwd, new_root) = (text(&program.cwd)?, text(&root.to_string_lossy())?);
        let (uid, gid) = (Uid::from_raw(program.user.uid), Gid::from_raw(program.user.gid));
        let mut command = Command::new(name);
        command.args(arguments).env_clear().envs(&program.env);
        command.stdin(streams.stdin).stdout(streams.stdout).stderr(streams.stderr);
        // SAFETY: system calls alone, on memory that is there already.
        unsafe {
            command.pre_exec(move || {
                rustix::io::write(&entrance, b"0")?;
                // As systemd has it; the kernel's own limit is too low for databases.
                let files = Rlimit { current: Some(1024), maximum: Some(524_288) };
                setrlimit(Resource::Nofile, files)?;
                rustix::process::setsid()?;
                rustix::process::umask(Mode::from_raw_mode(0o022));
                rustix::process::chroot(&*new_root)?;
                let there = rustix::process::chdir(&*cwd);
                there.map_err(|e| io::Error::from_raw_os_error(e.raw_os_error() | AT_CWD))?;
                set_thread_groups(&[gid])?;
                set_thread_gid(gid)?;
                Ok(set_thread_uid(uid)?)
            });
        }
        let began = Instant::now();
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                drop(command);
                let _ = group.remove();
                return match error.raw_os_error() {
                    Some(raw) if raw & AT_CWD != 0 => {
                        let error = io::Error::from_raw_os_error(raw & !AT_CWD);
                        Err(error).context(|| format!("enter the folder {}", program.cwd))
                    }
                    Some(raw) => Ok(Err(End::NotStarted(raw))),
                    None => Err(error).context(what),
                };
            }
        };
        let pid = Pid::from_child(&child);
        let watched = pidfd_open(pid, PidfdFlags::empty()).context(what)?;
        let deadline = program.deadline_ms.map(|ms| began + Duration::from_millis(ms));
        Ok(Ok(Self {
            child,
            watched,
            group: Some(group),
            began,
            deadline,
            leave_children: program.leave_children,
            before,
            ended: None,
        }))
    }

    /// The ends of its streams that are pipes.
    pub(crate) fn pipes(
        &mut self,
    ) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
    }

    /// Readable once it has ended.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }

    /// When it is to be killed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Kill it and its children, if it runs.
    pub(crate) fn kill(&self) {
        if let Some(group) = &self.group {
            let _ = group.kill();
        }
    }

    /// Look whether it has ended, and kill it if it should have.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) fn has_ended(&mut self) -> Result<bool, Failure> {
        let what = || "wait for a program".to_owned();
        if self.ended.is_some() {
            return Ok(true);
        }
        let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        let status = match self.child.try_wait().context(what)? {
            None if late => {
                self.kill();
                self.child.wait().context(what)?
            }
            None => return Ok(false),
            Some(status) => status,
        };
        let end = match (status.code(), status.signal()) {
            _ if late => End::Deadline,
            (Some(status), _) => End::Exit(status),
            // One of the two is always there: it has ended.
            (None, signal) => End::Signal(signal.unwrap_or_default()),
        };
        self.ended = Some((end, self.began.elapsed()));
        Ok(true)
    }

    /// It has ended: kill what it has left, if that is not to live on. Returns how
    /// many that were.
    pub(crate) fn clear_up(&mut self) -> u64 {
        if self.leave_children {
            return 0;
        }
        let Some(group) = &self.group else { return 0 };
        let left = group.processes().unwrap_or_default();
        if left > 0 {
            let _ = group.kill();
        }
        left
    }

    /// What it came to.
    ///
    /// # Errors
    /// When what is counted cannot be read.
    pub(crate) fn report(mut self, volume: Option<&Volume>, left: u64) -> Result<Ran, Failure> {
        let Some((end, wall)) = self.ended else {
            return Err(Failure { what: "report a program".into(), why: "it still runs".into() });
        };
        let mut after = Seen::now(volume)?;
        for (event, counts) in &mut after.counts {
            let before = self.before.counts.get(event);
            for (name, count) in &mut *counts {
                let earlier = before.and_then(|counts| counts.get(name)).copied();
                *count = count.saturating_sub(earlier.unwrap_or(0));
            }
            counts.retain(|_, count| *count > 0);
        }
        let what = || "ask a program's cgroup".to_owned();
        let (mut cpu_ns, mut oom_kills) = (0, 0);
        if let Some(group) = self.group.take() {
            cpu_ns = group.cpu_ns().context(what)?;
            oom_kills = group.memory_events("oom_kill").context(what)?;
            if !self.leave_children {
                remove(group);
            }
        }
        Ok(Ran {
            end,
            wall_ns: wall.as_nanos() as u64,
            cpu_ns,
            device_reads: after.reads.requests - self.before.reads.requests,
            device_bytes: after.reads.bytes - self.before.reads.bytes,
            counts: after.counts,
            oom_kills,
            left,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = group.kill();
            let _ = self.child.wait();
            remove(group);
        }
    }
}

/// Kill all that programs have left to live on.
pub(crate) fn end_all() {
    for group in Cgroup::all(GROUP).unwrap_or_default() {
        let _ = group.kill();
        remove(group);
    }
}

/// Remove a cgroup once the killed ones in it are gone.
fn remove(group: Cgroup) {
    for _ in 0..500 {
        if group.clone().remove().is_ok() {
            return;
        }
        sleep(Duration::from_millis(2));
    }
}

/// As it is said of a program that was not started.
pub(crate) fn not_started(end: End) -> Ran {
    Ran {
        end,
        wall_ns: 0,
        cpu_ns: 0,
        device_reads: 0,
        device_bytes: 0,
        counts: Counts::new(),
        oom_kills: 0,
        left: 0,
    }
}
