// SPDX-License-Identifier: GPL-2.0-only
//! Runs the tests side by side, each in one of a few workers.
//!
//! A worker is this program again, and runs one test after the other. So it can
//! keep its guest between tests (see [`Guest`](crate::Guest)), its output is
//! captured whatever prints it, and its end fails one test only. Arguments,
//! filters and output are those of cargo's own tests (libtest-mimic).

use crate::{Case, policies};
use libtest_mimic::{Arguments, Failed, Trial};
use raext_vm::Paths;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// The argument of a worker.
const WORKER: &str = "--worker";
/// Begins the line by which a worker ends a test; no test prints it.
const END: char = '\u{1}';
const PASSED: &str = "passed";
/// Tests listed at the end.
const SLOWEST: usize = 10;

/// The `main` of a test binary.
pub fn main(cases: Vec<Case>) -> ExitCode {
    // The binary's own name is no part of a test's.
    let cases: Vec<_> = cases
        .into_iter()
        .map(|case| Case { name: case.name.split_once("::").map_or(case.name, |n| n.1), ..case })
        .collect();
    if env::args().nth(1).as_deref() == Some(WORKER) {
        work(&cases);
        return ExitCode::SUCCESS;
    }
    let mut args = Arguments::from_args();
    let jobs = args.test_threads.unwrap_or_else(jobs);
    args.test_threads = Some(jobs);
    if !args.list {
        policies::build_all();
    }
    let times = Arc::new(Times::read());
    let lanes = Arc::new(Lanes { idle: Mutex::default(), shows: args.nocapture });
    let trials = times.longest_first(cases).into_iter().map(|case| {
        let (times, lanes) = (Arc::clone(&times), Arc::clone(&lanes));
        Trial::test(case.name, move || lanes.run(case, &times))
    });
    let conclusion = libtest_mimic::run(&args, trials.collect());
    if !args.list {
        times.finish();
    }
    drop(lanes);
    conclusion.exit_code()
}

/// As many guests as processors; `RAEXT_E2E_JOBS` says otherwise.
fn jobs() -> usize {
    let own = || thread::available_parallelism().map_or(1, usize::from);
    env::var("RAEXT_E2E_JOBS").map_or_else(
        |_| own(),
        |text| match text.parse() {
            Ok(jobs) if jobs > 0 => jobs,
            _ => panic!("RAEXT_E2E_JOBS={text}: give a number of 1 or more"),
        },
    )
}

/// A worker's life: the name of a test on each line of its input.
fn work(cases: &[Case]) {
    for name in io::stdin().lines().map_while(Result::ok) {
        let case = cases.iter().find(|case| case.name == name);
        let result = catch_unwind(case.expect("a test of this binary").run);
        let _ = io::stderr().flush();
        println!("{END}{}", if result.is_ok() { PASSED } else { "failed" });
    }
}

/// The workers.
struct Lanes {
    idle: Mutex<Vec<Worker>>,
    /// Whether output is shown as it comes.
    shows: bool,
}

impl Lanes {
    fn run(&self, case: Case, times: &Times) -> Result<(), Failed> {
        let idle = self.idle.lock().expect("no lane panics").pop();
        let mut worker = idle.map_or_else(Worker::start, Ok)?;
        let start = Instant::now();
        let mut output = Vec::new();
        let passed = worker.run(case, &mut output, self.shows)?;
        times.add(case.name, start.elapsed());
        match passed {
            Some(passed) => {
                self.idle.lock().expect("no lane panics").push(worker);
                if passed { Ok(()) } else { Err(text(&output).into()) }
            }
            None => {
                Err(format!("{}the test ended its process: {}", text(&output), worker.end()).into())
            }
        }
    }
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

struct Worker {
    child: Child,
    tests: ChildStdin,
    output: BufReader<PipeReader>,
}

impl Worker {
    fn start() -> io::Result<Self> {
        let (output, sink) = io::pipe()?;
        let mut child = Command::new(env::current_exe()?)
            .arg(WORKER)
            .stdin(Stdio::piped())
            .stdout(sink.try_clone()?)
            .stderr(sink)
            .spawn()?;
        let tests = child.stdin.take().expect("it was asked for");
        Ok(Self { child, tests, output: BufReader::new(output) })
    }

    /// Run a test: whether it passed, or nothing if the worker is gone.
    fn run(&mut self, case: Case, output: &mut Vec<u8>, shows: bool) -> io::Result<Option<bool>> {
        writeln!(self.tests, "{}", case.name)?;
        loop {
            let begin = output.len();
            if self.output.read_until(b'\n', output)? == 0 {
                return Ok(None);
            }
            let line = &output[begin..];
            // A program that leaves its line open is followed by the end's.
            if let Some(at) = line.iter().position(|&byte| byte == END as u8) {
                let passed = line[at + 1..].trim_ascii_end() == PASSED.as_bytes();
                output.truncate(begin + at);
                return Ok(Some(passed));
            }
            if shows {
                io::stdout().write_all(line)?;
            }
        }
    }

    fn end(mut self) -> String {
        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Lanes {
    /// The workers end with their input, and their guests with them.
    fn drop(&mut self) {
        for Worker { mut child, tests, .. } in
            self.idle.get_mut().expect("no lane panics").drain(..)
        {
            drop(tests);
            let _ = child.wait();
        }
    }
}

/// How long tests take: of the last run, to begin with the longest; and of this one.
struct Times {
    file: PathBuf,
    last: BTreeMap<String, f64>,
    now: Mutex<BTreeMap<String, f64>>,
}

impl Times {
    fn read() -> Self {
        let file = Paths::find().expect("the tests run in a checkout").build.join("e2e-times");
        let line = |line: &str| {
            let (seconds, name) = line.split_once(' ')?;
            Some((name.to_owned(), seconds.parse().ok()?))
        };
        // Without the file, the order is another one.
        let last = fs::read_to_string(&file).unwrap_or_default().lines().filter_map(line).collect();
        Self { file, last, now: Mutex::default() }
    }

    /// A test without a time comes first.
    fn longest_first(&self, mut cases: Vec<Case>) -> Vec<Case> {
        let time = |case: &Case| self.last.get(case.name).copied().unwrap_or(f64::INFINITY);
        cases.sort_by(|a, b| time(b).total_cmp(&time(a)));
        cases
    }

    fn add(&self, name: &str, took: Duration) {
        self.now.lock().expect("no lane panics").insert(name.to_owned(), took.as_secs_f64());
    }

    /// Keep the times, and print the slowest tests.
    fn finish(&self) {
        let now = self.now.lock().expect("no lane panics");
        let mut all = self.last.clone();
        all.extend(now.iter().map(|(name, seconds)| (name.clone(), *seconds)));
        let lines = all.iter().map(|(name, seconds)| format!("{seconds:.2} {name}\n"));
        if let Err(error) = fs::write(&self.file, lines.collect::<String>()) {
            eprintln!("{}: {error}: the next run has no order", self.file.display());
        }
        let mut slowest: Vec<_> = now.iter().collect();
        slowest.sort_by(|a, b| b.1.total_cmp(a.1));
        println!(
            "the slowest of {} tests, {:.0} s together:",
            now.len(),
            now.values().sum::<f64>()
        );
        for (name, seconds) in slowest.iter().take(SLOWEST) {
            println!("{seconds:8.1} s  {name}");
        }
    }
}
