// SPDX-License-Identifier: GPL-2.0-only
//! Work in a process of its own, since a process is what a cgroup holds and
//! what a signal ends: this binary again, as `raext-e2e-agent work`.
//!
//! The [`Job`] goes to the worker's standard input; on its standard output come
//! [`Word`]s. The worker is to end when its input does.

use crate::agent::{act, cgroup, reads, stress};
use crate::requests::{Did, Step, StressReport};
use raext_guest::parts::{Cgroup, Context, Target};
use raext_model::{Failure, Sample, WireError, WorkloadSpec, read_message, write_message};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    /// The cgroup to do it in.
    pub cgroup: Option<String>,
    /// What to do.
    pub job: Job,
}

/// The part of a request that a worker does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Job {
    /// Use the files of a ground until the input ends.
    Stress {
        /// What the ground is made of.
        fs: raext_model::Fs,
        /// Its seed.
        seed: u64,
    },
    /// Touch each page of a mapping, [`Word::Progress`] telling its offset
    /// before.
    Touch {
        /// What to map.
        target: Target,
        /// Where to begin, bytes.
        from: u64,
    },
    /// Run a workload once, after saying that all is ready and being told to.
    Run {
        /// On what.
        target: Target,
        /// What.
        spec: WorkloadSpec,
    },
    /// Do steps one after the other, [`Word::Did`] telling what came of each.
    Steps {
        /// Which.
        steps: Vec<Step>,
    },
}

/// A message of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Word {
    /// It is still at work.
    Progress(String),
    /// A step of [`Job::Steps`] is done.
    Did(Did),
    /// The end of [`Job::Touch`] and of [`Job::Steps`].
    Done,
    /// The end of [`Job::Run`].
    Sample(Sample),
    /// The end of [`Job::Stress`].
    Stress(StressReport),
    /// The job could not be done.
    Failed(Failure),
}

/// A worker, seen from the one who started it. Dropped, it is killed.
pub(super) struct Worker {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Worker {
    /// Start a worker.
    ///
    /// # Errors
    /// When there can be no process.
    pub(super) fn start(order: &Order) -> Result<Self, Failure> {
        let what = || "start a worker".to_owned();
        let mut child = Command::new("/proc/self/exe")
            .arg("work")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context(what)?;
        let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were asked for");
        };
        write_message(&mut to, order).context(what)?;
        Ok(Self { child, to: Some(to), from: BufReader::new(from) })
    }

    /// What it says next; `None` if it has ended.
    ///
    /// # Errors
    /// When it says what cannot be understood.
    pub(super) fn next(&mut self) -> Result<Option<Word>, Failure> {
        match read_message(&mut self.from) {
            Ok(reply) => Ok(Some(reply)),
            Err(WireError::Closed) => Ok(None),
            Err(error) => Err(error).context(|| "listen to a worker".into()),
        }
    }

    /// Tell it to begin with a [`Job::Run`], once it is ready.
    ///
    /// # Errors
    /// When it is not there any more.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        let Some(to) = &mut self.to else { return Ok(()) };
        to.write_all(b"\n").and_then(|()| to.flush()).context(|| "tell a worker to begin".into())
    }

    /// End its input.
    pub(super) fn finish(&mut self) {
        self.to = None;
    }

    /// A function that kills it, for another thread.
    pub(super) fn killer(&self) -> impl FnOnce() + Send + use<> {
        let pid = Pid::from_child(&self.child);
        move || {
            // It may have ended just now, and is not waited for before.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// How it ended, which it is about to.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(super) fn wait(&mut self) -> Result<ExitStatus, Failure> {
        self.to = None;
        self.child.wait().context(|| "wait for a worker".into())
    }

    /// The failure of having ended without an answer.
    pub(super) fn lost(&mut self) -> Failure {
        let why = match self.wait() {
            Ok(status) => match status.signal() {
                Some(signal) => format!("it was ended by signal {signal}"),
                None => format!("it ended with {status}"),
            },
            Err(failure) => failure.to_string(),
        };
        Failure { what: "hear from a worker".into(), why }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended long ago, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `raext-e2e-agent work`: the life of a worker.
pub(super) fn run() -> ExitCode {
    // Its lock is not held any longer than this.
    let order = read_message(&mut stdin().lock());
    let order: Result<Order, _> = order.context(|| "read the order".into());
    let answer = order.and_then(|order| work(&order));
    say(&answer.unwrap_or_else(Word::Failed));
    ExitCode::SUCCESS
}

fn work(order: &Order) -> Result<Word, Failure> {
    if let Some(name) = &order.cgroup {
        cgroup::enter(&Cgroup::named(name)).context(|| format!("enter cgroup {name}"))?;
    }
    match &order.job {
        Job::Touch { target, from } => {
            let mut about_to = |at: u64| say(&Word::Progress(at.to_string()));
            let touched = reads::touch_all(target, *from, &mut about_to);
            touched.context(|| "touch the data".into()).map(|()| Word::Done)
        }
        Job::Run { target, spec } => {
            say(&Word::Progress("ready".into()));
            stdin().read_line(&mut String::new()).context(|| "wait for the others".into())?;
            let sample = target.run(spec, &|| 0).context(|| format!("run {}", spec.workload))?;
            Ok(Word::Sample(sample))
        }
        Job::Steps { steps } => {
            let done = act::run(steps, &mut |did| say(&Word::Did(did)));
            done.context(|| "do the steps".into()).map(|()| Word::Done)
        }
        &Job::Stress { fs, seed } => {
            let ended = AtomicBool::new(false);
            thread::scope(|scope| {
                // The input is a pipe that is never written to again.
                scope.spawn(|| {
                    let _ = stdin().lock().fill_buf();
                    ended.store(true, Ordering::Relaxed);
                });
                let ended = || ended.load(Ordering::Relaxed);
                let mut progress = |text: &str| say(&Word::Progress(text.to_owned()));
                let (files, guest) = (stress::Guest::files(seed), stress::Guest::new(fs));
                let report = stress::run(&files, &guest, seed, &ended, &mut progress);
                let reply = report.context(|| "use files".into()).map(Word::Stress);
                if let Err(failure) = reply {
                    // The thread above may wait for long: this is the last word.
                    say(&Word::Failed(failure));
                    std::process::exit(0);
                }
                reply
            })
        }
    }
}

/// Whoever does not listen any more has ended this process's input, too.
fn say(reply: &Word) {
    let mut to = stdout().lock();
    let _ = write_message(&mut to, reply).map(|()| to.flush());
}
