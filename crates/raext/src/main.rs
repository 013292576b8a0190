// SPDX-License-Identifier: GPL-2.0-only
//! `raext`: check, try, measure and attach readahead policies.
//!
//! A thin command over the crates: the command line is in `args/`, each
//! command has a file of its own, and `exit.rs` maps errors to statuses.

mod args;
mod bench;
mod check;
mod compare;
mod contenders;
mod cost;
mod exit;
#[cfg(test)]
mod golden;
mod host;
mod kernels;
mod list;
mod man;
mod module;
mod new;
mod place;
mod policy;
mod record;
mod shown;
mod signals;
mod stats;
mod steps;
mod train;
mod trial;

use crate::exit::{Exit, Result};
use args::{BuildArgs, Cli, Command};
use clap::Parser as _;
use policy::Target;
use raext_model::{Error, IoExt as _};
use raext_vm::{KernelChoice, Paths};
use std::fs;
use std::process::ExitCode;
use std::rc::Rc;
use steps::Steps;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let steps = Rc::new(Steps::new());
    let result = run(&cli.command, &steps);
    steps.finish();
    match result {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error),
    }
}

fn run(command: &Command, steps: &Rc<Steps>) -> Result<Exit> {
    match command {
        Command::New(args) => new::run(args)?,
        Command::Build(args) => build(args, steps)?,
        Command::Check(args) => return check::run(args, steps),
        Command::Attach(args) => return host::attach(args, steps),
        Command::Detach(args) => host::detach(args, steps)?,
        Command::Swap(args) => return host::swap(args, steps),
        Command::List(args) => list::run(args, steps)?,
        Command::Stats(args) => stats::run(args)?,
        Command::Try(args) => return trial::run(args, steps),
        Command::Compare(args) => return compare::run(args, steps),
        Command::Bench(args) => return bench::run(args, steps),
        Command::Record(args) => return record::run(args, steps),
        Command::Train(args) => train::run(args)?,
        Command::Cost(args) => return cost::run(args, steps),
        Command::Kernels => kernels::run(steps)?,
        Command::Module(command) => module::run(command, steps)?,
        Command::Policies => policies(steps)?,
        Command::Man(args) => man::run(args)?,
        Command::Completions { shell } => man::completions(*shell),
    }
    Ok(Exit::Done)
}

fn build(args: &BuildArgs, steps: &Rc<Steps>) -> Result<()> {
    let policy::Source::Code(code) = policy::resolve(&args.policy)? else {
        return Err(Error::usage(format!(
            "'{}' is no source: give a folder with a Cargo.toml, a C file or a shipped policy",
            args.policy
        )));
    };
    let paths = Paths::find()?;
    let target = if args.host {
        Target::Running
    } else {
        let want = args.kernel.clone().unwrap_or_default();
        Target::MicroVm(KernelChoice { want, untested: args.untested })
    };
    let built = policy::build(&paths, &code, &target, steps)?;
    steps.finish();
    let object = match &args.output {
        Some(output) => {
            fs::copy(&built, output).given("writing", output)?;
            output
        }
        None => &built,
    };
    println!("{}", object.display());
    Ok(())
}

fn policies(steps: &Rc<Steps>) -> Result<()> {
    for name in policy::shipped_names()? {
        let object = policy::object(&name, &Target::MicroVm(KernelChoice::default()), steps)?;
        steps.finish();
        println!("{name}");
        for tunable in object.tunables() {
            println!("    {tunable}");
        }
    }
    Ok(())
}
