// SPDX-License-Identifier: GPL-2.0-only
//! `raext try`: a command of this machine in a microVM, under a policy.
//!
//! The microVM sees all of this machine's files, can change none, and has the
//! data in memory, on a device as slow as is wanted. Arguments become a plan
//! (`plan.rs`, `data.rs`); this file carries it out; `summary.rs` prints the summary.

mod data;
mod files;
mod plan;
mod summary;

use crate::args::TryArgs;
use crate::exit::{Exit, Result};
use crate::steps::Steps;
use plan::{HOST, Plan};
use raext_measure::experiment::{
    Attach, Experiment, Flaw, Header, How, MemoryStore, MicroVms, Outcome, Part, Place, SlowRule,
    Store as _, Work,
};
use raext_model::requests::{DropCaches, MakeVolume};
use raext_model::{
    Caches, End, Error, IoExt as _, Left, Output, Program, Progress, Ran, SHARES, Stream,
};
use raext_vm::{Session, Share, Streams, root_over};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, IsTerminal as _, Read, Write as _, stderr, stdin, stdout};
use std::path::Path;
use std::rc::Rc;
use summary::Machine;
use xxhash_rust::xxh3::Xxh3;

/// The status of a command whose reader has closed its output, as a shell has it.
const BROKEN_PIPE: u8 = 128 + 13;

/// Run the command, pass its output on, print the summary, end with the command's status.
pub(crate) fn run(args: &TryArgs, steps: &Rc<Steps>) -> Result<Exit> {
    steps.hush();
    let plan = Rc::new(Plan::resolve(args, steps)?);
    if let Some(path) = args.json.as_deref().filter(|path| *path != Path::new("-")) {
        // An output file that cannot be written is reported before the command runs.
        fs::write(path, "").given("writing", path)?;
    }
    let shared = Shared::new(Input::of_this_process(args.compare)?);
    let command =
        Command { plan: plan.clone(), warm: args.warm, shared: shared.clone(), place: place(args) };
    let contenders = plan.contenders.clone();
    let mut store = MemoryStore::new(Header::new(String::new(), contenders.clone()));
    let experiment = raext_measure::experiment::Plan {
        works: vec![Box::new(command)],
        contenders,
        repeats: plan.repeats,
        floor: false,
        // An emulated machine is slower once memory that held code is used again.
        attach: Attach::PerMachine,
        slow: SlowRule::NONE,
        // A second run would print the same output again.
        boots: 1,
        kernel: args.kernel.choice(),
        command: String::new(),
    };
    let progress = Rc::new(Quiet { steps: Rc::clone(steps), shared: shared.clone() });
    let machines = &mut MicroVms::default();
    Experiment { plan: experiment, store: &mut store, machines, progress }.run()?;
    let State { ended, machine, runs, .. } = std::mem::take(&mut *shared.0.borrow_mut());
    if let Some(exit) = ended {
        return Ok(exit);
    }
    if let (Some(machine), false) = (machine, runs.is_empty()) {
        print_summary(args, &plan, &machine, &runs)?;
    }
    if runs.windows(2).any(|two| two[0].printed != two[1].printed) {
        eprintln!("raext: the command did not print the same both times");
    }
    let rows = &store.known().rows;
    let mut flaws = rows.iter().flat_map(|row| row.runs.values()).flatten();
    if let Some(flaw) = flaws.find_map(|(_, run)| run.result.as_ref().err()) {
        return Err(match flaw {
            Flaw::Failed(why) => Error::refused(why),
            Flaw::Lacking(why) | Flaw::Lost(why) => Error::environment(why),
        });
    }
    match runs.last().map_or(0, |run| run.ran.end.status()) {
        0 => Ok(Exit::Done),
        status => Ok(Exit::Command(u8::try_from(status & 0xff).unwrap_or(1))),
    }
}

fn place(args: &TryArgs) -> Place {
    Place { device: args.device, fs: args.fs }
}

/// A run of the command.
struct Run {
    label: String,
    ran: Ran,
    /// A sum over its standard output.
    printed: u64,
}

/// The state of the runs.
#[derive(Default)]
struct State {
    input: Option<Input>,
    machine: Option<Machine>,
    runs: Vec<Run>,
    /// Machines that were booted: one for each run.
    machines: usize,
    /// The end of the command, if it comes before the last run.
    ended: Option<Exit>,
}

/// The state, shared by the work and its display.
#[derive(Clone)]
struct Shared(Rc<RefCell<State>>);

impl Shared {
    fn new(input: Input) -> Self {
        Self(Rc::new(RefCell::new(State { input: Some(input), ..State::default() })))
    }

    /// Makes no further run.
    fn end(&self, exit: Exit) -> Flaw {
        self.0.borrow_mut().ended = Some(exit);
        Flaw::Failed("the comparison has ended".into())
    }
}

/// The display of steps. It ends before a program prints.
struct Quiet {
    steps: Rc<Steps>,
    shared: Shared,
}

const RUNNING: &str = "running ";

impl Progress for Quiet {
    fn step(&self, text: &str) {
        self.steps.step(text);
        if text.starts_with(RUNNING) {
            self.steps.finish();
        }
    }

    fn run(&self, what: &str, _: Left) {
        let name = what.split('@').next().unwrap_or(what);
        self.step(&format!("{RUNNING}{name}"));
    }

    /// The error at the end repeats it.
    fn note(&self, _: &str) {}

    fn is_stopped(&self) -> bool {
        self.shared.0.borrow().ended.is_some()
    }
}

/// The user's command on a machine that sees this one's files.
struct Command {
    plan: Rc<Plan>,
    warm: bool,
    shared: Shared,
    place: Place,
}

impl Work for Command {
    fn name(&self) -> &str {
        &self.plan.program.argv[0]
    }

    fn describe(&self) -> &'static str {
        "a command of this machine"
    }

    fn place(&self) -> Place {
        self.place
    }

    fn definition(&self) -> String {
        self.plan.program.argv.join(" ")
    }

    fn provide(&mut self, machine: &mut raext_vm::Machine) -> Result<(), Flaw> {
        machine.shares = vec![Share { tag: HOST.into(), path: "/".into() }];
        machine.memory_mib = Some(self.plan.memory_mib);
        Ok(())
    }

    /// Make everything as it is to be at the command's start.
    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        let plan = &self.plan;
        let mut state = self.shared.0.borrow_mut();
        state.machines += 1;
        state.machine.get_or_insert_with(|| Machine {
            release: session.release().to_owned(),
            accelerator: session.accelerator(),
        });
        drop(state);
        session.ask(root_over(&[&format!("{SHARES}/{HOST}")]))?;
        if let Some(volume) = &plan.volume {
            session.ask(MakeVolume { volume: volume.clone() }).map_err(|error| {
                match error.into() {
                    Flaw::Failed(why) => {
                        Flaw::Failed(format!("putting the data onto the device: {why}"))
                    }
                    flaw => flaw,
                }
            })?;
        }
        for before in &plan.before {
            session.progress().step(&format!("{RUNNING}{}", before.argv[2]));
            let mut output = |_, data: &[u8]| stderr().write_all(data).is_ok();
            let streams = Streams { output: &mut output, input: None };
            let ran = session.quietly(|session| session.talk(before.clone(), streams))?;
            if ran.end != End::Exit(0) {
                let status = ran.end.status();
                return Err(Flaw::Failed(format!("--before {}: status {status}", before.argv[2])));
            }
        }
        if !self.warm {
            session.ask(DropCaches { caches: Caches::All })?;
            warm_up(session, plan)?;
        }
        Ok(())
    }

    fn run(&mut self, session: &mut Session, _: &How) -> Result<Outcome, Flaw> {
        let mut state = self.shared.0.borrow_mut();
        let side = state.machines - 1;
        let input = state.input.as_mut().and_then(Input::next);
        drop(state);
        let pass = side + 1 == self.plan.labels.len();
        let mut output = Passed { pass, seen: Xxh3::new(), gone: false };
        let streams = Streams { output: &mut |stream, data| output.take(stream, data), input };
        let program = &self.plan.program;
        let ran = session.talk(program.clone(), streams)?;
        if output.gone {
            return Err(self.shared.end(Exit::Command(BROKEN_PIPE)));
        }
        if let End::NotStarted(error) = ran.end {
            return Err(self.shared.end(not_started(&program.argv[0], error, ran.end)));
        }
        let outcome = Outcome {
            parts: vec![Part { name: "command".into(), ns: ran.wall_ns, ops: 1 }],
            device_reads: ran.device_reads,
            device_bytes: ran.device_bytes,
            decisions: ran.decisions(),
            cpu_ns: ran.cpu_ns,
            ..Outcome::default()
        };
        let run = Run { label: self.plan.labels[side].clone(), ran, printed: output.seen.digest() };
        self.shared.0.borrow_mut().runs.push(run);
        Ok(outcome)
    }
}

/// Read the files of the program itself, so that they count neither the first time
/// nor the second.
fn warm_up(session: &mut Session, plan: &Plan) -> Result<(), Flaw> {
    let Program { argv, env, cwd, .. } = &plan.program;
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    let files = files::of(&argv[0], Path::new(cwd), OsStr::new(path), &plan.folders);
    let words = ["/bin/sh", "-c", "cat -- \"$@\"; :", "sh"].map(str::to_owned);
    let read = Program {
        argv: words.into_iter().chain(files).collect(),
        output: Output::Discard,
        cwd: "/".into(),
        memory_max: None,
        deadline_ms: None,
        ..plan.program.clone()
    };
    // Where there is no shell, it is read when it is run.
    session.quietly(|session| session.capture(read))?;
    Ok(())
}

fn print_summary(args: &TryArgs, plan: &Plan, machine: &Machine, runs: &[Run]) -> Result<()> {
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => {
            eprint!("{}", summary::json(args, plan, machine, runs));
        }
        json => {
            eprint!("{}", summary::table(args, plan, machine, runs));
            if let Some(path) = json {
                let text = summary::json(args, plan, machine, runs);
                fs::write(path, text).given("writing", path)?;
            }
        }
    }
    Ok(())
}

fn not_started(name: &str, error: i32, end: End) -> Exit {
    let why = std::io::Error::from_raw_os_error(error);
    let text = match end.status() {
        127 => format!("{name}: command not found"),
        _ => format!("{name}: cannot be executed: {why}"),
    };
    eprintln!("raext: {text}");
    Exit::Command(end.status() as u8)
}

/// The command's input: this process's, if it is no terminal.
struct Input {
    /// All of it, if it is needed twice.
    kept: Option<Vec<u8>>,
    passed: bool,
}

impl Input {
    fn of_this_process(twice: bool) -> Result<Self> {
        if stdin().is_terminal() {
            return Ok(Self { kept: None, passed: false });
        }
        let mut kept = Vec::new();
        if twice {
            stdin().read_to_end(&mut kept).given("reading", Path::new("standard input"))?;
        }
        Ok(Self { kept: twice.then_some(kept), passed: true })
    }

    fn next(&mut self) -> Option<Box<dyn Read + Send>> {
        match &self.kept {
            Some(kept) => Some(Box::new(Cursor::new(kept.clone()))),
            None => self.passed.then(|| Box::new(stdin()) as _),
        }
    }
}

/// The way of the command's output.
struct Passed {
    /// Whether it goes to this process's; else it is only looked at.
    pass: bool,
    /// A sum over standard output, to be compared with another run's.
    seen: Xxh3,
    /// Whether the reader of this process's output has closed it.
    gone: bool,
}

impl Passed {
    fn take(&mut self, stream: Stream, data: &[u8]) -> bool {
        if stream == Stream::Stdout {
            self.seen.update(data);
        }
        let written = match stream {
            _ if !self.pass => return true,
            Stream::Stdout => {
                let mut to = stdout().lock();
                to.write_all(data).and_then(|()| to.flush())
            }
            Stream::Stderr => stderr().write_all(data),
        };
        self.gone |= written.is_err();
        !self.gone
    }
}
