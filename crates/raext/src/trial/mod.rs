// SPDX-License-Identifier: GPL-2.0-only
//! `raext try`: a command of this machine in a microVM, under a policy.
//!
//! The microVM sees all of this machine's files, can change none, and has the
//! data in memory, on a device as slow as is wanted. Arguments become a plan
//! (`plan.rs`, `data.rs`); this file carries it out; `summary.rs` tells.

mod data;
mod files;
mod plan;
mod summary;

use crate::args::TryArgs;
use crate::exit::{Exit, Result};
use crate::steps::Steps;
use plan::{HOST, Plan};
use raext_model::{
    At as _, Caches, End, Error, IoExt as _, Output, Placement, Program, Ran, SHARES, Stream,
};
use raext_vm::{Engine, GuestObject, Setup, Share, Talk};
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, IsTerminal as _, Read, Write as _, stderr, stdin, stdout};
use std::path::Path;
use summary::Machine;
use xxhash_rust::xxh3::Xxh3;

const GUEST_OBJECT: &str = "/policy.bpf.o";
/// The status of a command that nobody listens to any more, as a shell has it.
const BROKEN_PIPE: u8 = 128 + 13;

/// Run, pass on, tell; then end as the command did.
pub fn run(args: &TryArgs, steps: &Steps) -> Result<Exit> {
    steps.hush();
    let step = |text: &str| steps.step(text);
    let plan = Plan::resolve(args, &step)?;
    if let Some(path) = args.json.as_deref().filter(|path| *path != Path::new("-")) {
        // Better known now than in a minute.
        fs::write(path, "").given("writing", path)?;
    }
    let mut input = Input::of_this_process(args.compare)?;
    let mut machine = None;
    let mut runs = Vec::new();
    let mut printed = Vec::new();
    let last = plan.labels.len() - 1;
    for (side, label) in plan.labels.iter().enumerate() {
        // A machine for each: one that has run something else before is slower, if it
        // is emulated, where memory is used again that held code.
        let mut engine = boot(args, &plan, &step)?;
        machine.get_or_insert_with(|| Machine {
            release: engine.release().to_owned(),
            accelerator: engine.accelerator(),
        });
        // Of two runs, the first is the kernel's own as it is.
        prepare(&mut engine, args, &plan, side == last && label != "kernel", steps)?;
        steps.step(&format!("running {}", plan.program.argv[0]));
        steps.finish();
        let mut output = Passed { pass: side == last, seen: Xxh3::new(), gone: false };
        let talk =
            Talk { output: &mut |stream, data| output.take(stream, data), input: input.next() };
        let ran = engine.run_program(plan.program.clone(), talk, &|_| ())?;
        if output.gone {
            return Ok(Exit::Command(BROKEN_PIPE));
        }
        if let End::NotStarted(error) = ran.end {
            return Ok(not_started(&plan.program.argv[0], error, ran.end));
        }
        printed.push(output.seen.digest());
        runs.push(ran);
    }
    let Some(machine) = machine else { return Ok(Exit::Done) };
    tell(args, &plan, &machine, &runs)?;
    if printed.iter().any(|seen| *seen != printed[0]) {
        eprintln!("raext: the command did not print the same both times");
    }
    match runs[last].end.status() {
        0 => Ok(Exit::Done),
        status => Ok(Exit::Command(u8::try_from(status & 0xff).unwrap_or(1))),
    }
}

/// A machine that sees this one's files.
fn boot(args: &TryArgs, plan: &Plan, step: &dyn Fn(&str)) -> Result<Engine> {
    let policy = plan.policy.as_ref().map(|policy| GuestObject {
        guest: GUEST_OBJECT.into(),
        host: policy.object.clone(),
        executable: false,
    });
    let setup = Setup {
        kernel: args.kernel.choice(),
        objects: policy.into_iter().collect(),
        shares: vec![Share { tag: HOST.into(), path: "/".into() }],
        memory_mib: Some(plan.memory_mib),
        ..Setup::default()
    };
    Ok(Engine::start_with(setup, step)?)
}

/// Make everything as it is to be at the command's start.
fn prepare(
    engine: &mut Engine,
    args: &TryArgs,
    plan: &Plan,
    changed: bool,
    steps: &Steps,
) -> Result<()> {
    let step = |text: &str| steps.step(text);
    engine.make_root(&[&format!("{SHARES}/{HOST}")], &step)?;
    let mut dev = 0;
    if let Some(volume) = &plan.volume {
        let made = engine.make_volume(volume.clone(), &step);
        dev = made.at("putting the data onto the device")?.dev;
    }
    for before in &plan.before {
        steps.step(&format!("running {}", before.argv[2]));
        steps.finish();
        let mut output = |_, data: &[u8]| stderr().write_all(data).is_ok();
        let talk = Talk { output: &mut output, input: None };
        let ran = engine.run_program(before.clone(), talk, &|_| ())?;
        if ran.end != End::Exit(0) {
            let status = ran.end.status();
            return Err(Error::refused(format!("--before {}: status {status}", before.argv[2])));
        }
    }
    if !args.warm {
        engine.drop_caches(Caches::All, &step)?;
        warm_up(engine, plan)?;
    }
    // Last, since a run after others in the same memory is slower.
    if let (true, Some(kb)) = (changed, args.read_ahead_kb) {
        engine.set_readahead(Some(kb), &step)?;
    }
    if let (true, Some(policy)) = (changed, &plan.policy) {
        // Files of the host are read anyhow: only the device is of interest.
        let placement = Placement { dev, ..Placement::default() };
        engine.attach_at(GUEST_OBJECT, &policy.set, placement, &step)?;
    }
    Ok(())
}

/// Read the files of the program itself, so that they count neither the first time
/// nor the second.
fn warm_up(engine: &mut Engine, plan: &Plan) -> Result<()> {
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
    engine.capture(read, &|_| ())?;
    Ok(())
}

fn tell(args: &TryArgs, plan: &Plan, machine: &Machine, runs: &[Ran]) -> Result<()> {
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

/// What becomes of the command's output.
struct Passed {
    /// Whether it goes to this process's; else it is only looked at.
    pass: bool,
    /// A sum over standard output, to be compared with another run's.
    seen: Xxh3,
    /// Whether nobody listens any more.
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
