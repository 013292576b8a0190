// SPDX-License-Identifier: GPL-2.0-only
//! The command line. Help, man pages and completions come from this definition. `policy.rs`,
//! `place.rs` and each command's own file resolve what it means.

mod measure;
mod trial;

pub(crate) use measure::{BenchArgs, CompareArgs, CostArgs, RecordArgs, TrainArgs};
pub(crate) use trial::TryArgs;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use raext_kernel::Want;
use raext_vm::KernelChoice;
use std::path::PathBuf;

/// Check, try, measure and attach readahead policies.
///
/// A policy is a BPF program that decides what Linux reads ahead. POLICY is the
/// name of a shipped policy (see `raext policies`), the folder of a Rust crate, a
/// C file, or an object file.
///
/// Exit status: 0 done; 1 an input is refused; 2 the command line is wrong; 69 the
/// environment lacks something.
#[derive(Debug, Parser)]
#[command(name = "raext", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a policy of your own: a crate with tests.
    New(NewArgs),
    /// Compile a policy, a Rust crate or a C file, into an object file.
    Build(BuildArgs),
    /// Ask the kernel's verifier for its verdict, without attaching.
    Check(CheckArgs),
    /// Attach a policy on the running kernel.
    Attach(AttachArgs),
    /// Detach a policy. The kernel's own readahead is back at once.
    Detach(DetachArgs),
    /// Replace an attached policy by another one, without a gap.
    Swap(SwapArgs),
    /// Show the attached policies: scope, age, and the process that attached them.
    List(ListArgs),
    /// Show the counters of the attached policies, event by event.
    Stats(StatsArgs),
    /// Run a command of this machine in a microVM, under a policy.
    ///
    /// The command runs as root in a microVM. It sees all files of this machine and can
    /// change none: all writes are lost at the end. The folders of --data are copied onto
    /// a device in the microVM's memory with the speed of --device, and appear at the same
    /// paths. Environment and current folder are those of this shell. There is no network
    /// and no terminal. Standard input is passed on, unless it is a terminal.
    ///
    /// Standard output, standard error and the exit status are the command's own: 128 plus
    /// the signal, 124 after --timeout, 127 if the command is not found, 126 if it cannot
    /// be executed. A summary follows on standard error. If raext itself fails, the last
    /// line begins with "raext:" and the status is 1, 2 or 69.
    Try(TryArgs),
    /// Measure policies against the kernel's own readahead, in a microVM.
    Compare(CompareArgs),
    /// Run the whole benchmark: policies against the kernel's default, every fixed
    /// read_ahead_kb, the best of these with hindsight, and the floor.
    Bench(BenchArgs),
    /// Measure the cost of an attached policy, in instructions, in a microVM.
    Cost(CostArgs),
    /// Record accesses and decisions of workloads in a microVM, as input of `train`.
    Record(RecordArgs),
    /// Train the decision tree of the policy `tree` from a recording.
    Train(TrainArgs),
    /// Show the kernels for the microVM: which are available, which are tested.
    Kernels,
    /// Build, load or remove the kernel module of the running kernel.
    #[command(subcommand)]
    Module(ModuleCommand),
    /// Show the shipped policies and their tunables.
    Policies,
    /// Print the man page of raext or of one of its commands.
    Man(ManArgs),
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// `raext new`
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The new folder. Its last part is the policy's name: at most 15 small letters,
    /// digits, '-' and '_'.
    pub name: PathBuf,
}

/// `raext build`
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The policy's source: a shipped policy, the folder of a crate, or a C file.
    pub policy: String,
    /// Write the object file here [default: build/policies/NAME.bpf.o].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Make the vmlinux.h that a C file includes from this kernel: the newest of a
    /// series ("6.18"; see `raext kernels`), or a kernel image [default: 6.12].
    #[arg(long, value_name = "SERIES|FILE")]
    pub kernel: Option<Want>,
    /// Accept a kernel of a series that the project is not tested on.
    #[arg(long)]
    pub untested: bool,
    /// Make the vmlinux.h from the running kernel.
    #[arg(long, conflicts_with_all = ["kernel", "untested"])]
    pub host: bool,
}

/// Tunables of one policy.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Set a tunable, for example limit_kb=4096. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// Which kernel the microVM boots.
#[derive(Debug, Args)]
pub(crate) struct KernelArgs {
    /// Boot the newest kernel of this series ("6.18"; see `raext kernels`), or
    /// this kernel image [default: 6.12].
    #[arg(long, value_name = "SERIES|FILE")]
    pub kernel: Option<Want>,
    /// Accept a kernel of a series that the project is not tested on.
    #[arg(long)]
    pub untested: bool,
}

impl KernelArgs {
    /// The kernel that the arguments name.
    pub(crate) fn choice(&self) -> KernelChoice {
        KernelChoice { want: self.kernel.clone().unwrap_or_default(), untested: self.untested }
    }
}

/// `raext check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The policy.
    pub policy: String,
    #[command(flatten)]
    pub set: SetArgs,
    #[command(flatten)]
    pub kernel: KernelArgs,
    /// Ask the running kernel (needs root and the module) instead of a microVM.
    #[arg(long, conflicts_with_all = ["kernel", "untested"])]
    pub host: bool,
    /// Also print the whole log of libbpf and the verifier.
    #[arg(long)]
    pub log: bool,
}

/// `raext attach`
#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The policy.
    pub policy: String,
    #[command(flatten)]
    pub set: SetArgs,
    /// Pin the link by this name [default: the policy's own name].
    #[arg(long, value_name = "NAME", conflicts_with = "foreground")]
    pub name: Option<String>,
    /// Decide for tasks of this cgroup (v2) and of those below it only: its folder,
    /// or the id of a running container.
    #[arg(long, value_name = "CGROUP")]
    pub cgroup: Option<String>,
    /// Decide for files of this device only: a block device, a mount point or
    /// MAJOR:MINOR.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Return to the kernel's own readahead when more than this share of the pages
    /// that the policy reads goes unused, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub guard: Option<u32>,
    /// Do not pin the link: stay attached until this command is interrupted.
    #[arg(long)]
    pub foreground: bool,
}

/// `raext detach`
#[derive(Debug, Args)]
pub(crate) struct DetachArgs {
    /// The name that `raext list` shows.
    #[arg(required_unless_present = "all")]
    pub name: Option<String>,
    /// Detach every pinned policy.
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
}

/// `raext swap`
#[derive(Debug, Args)]
pub(crate) struct SwapArgs {
    /// The name that `raext list` shows.
    pub name: String,
    /// The new policy. Cgroup, device and guard stay the same.
    pub policy: String,
    #[command(flatten)]
    pub set: SetArgs,
}

/// `raext stats`
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Print again every SECONDS seconds, with the change since the last round.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub watch: Option<u64>,
    /// Stop after N rounds of --watch.
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Turn the timing of callbacks on or off.
    #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
    pub timing: Option<String>,
    /// Print JSON, one line for each round. The counters are totals.
    #[arg(long)]
    pub json: bool,
}

/// `raext list`
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `raext module`
#[derive(Debug, Subcommand)]
pub(crate) enum ModuleCommand {
    /// Build the module for the running kernel (needs its headers).
    Build {
        /// Accept a kernel of a series that the project is not tested on.
        #[arg(long)]
        untested: bool,
    },
    /// Load the module that `build` made.
    Load,
    /// Remove the module. Refused while a policy is attached.
    Unload,
}

/// `raext man`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page is printed, such as `attach` or `module build` [default:
    /// raext itself].
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder, such as
    /// /usr/local/share/man/man1.
    #[arg(long, short, value_name = "DIR", conflicts_with = "command")]
    pub output: Option<PathBuf>,
}

/// Parse by [`std::str::FromStr`], keeping its words.
fn parse<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

/// Split `name=value`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("'{text}' is not NAME=VALUE, for example limit_kb=4096")),
    }
}

/// A number of bytes, with K, M, G or T for the powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no size, such as 512M or 2G");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" | "KIB" => 10,
        "M" | "MIB" => 20,
        "G" | "GIB" => 30,
        "T" | "TIB" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|size| *size > 0).ok_or_else(wrong)
}

/// A limit of memory. Linux 6.12 kills `/bin/true` at its start with 128 KiB, and runs it
/// with 256.
fn limit(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 256 << 10;
    match size(text)? {
        bytes if bytes < LEAST => Err(format!(
            "'{text}' is {bytes} bytes, with which no process starts: give at least 256K (units: K, \
             M, G, T)"
        )),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_kernel_is_a_series_or_a_file() {
        let parse = |words: &[&str]| match Cli::try_parse_from(words).unwrap().command {
            Command::Cost(args) => args.kernel.choice(),
            other => panic!("{other:?}"),
        };
        let choice = parse(&["raext", "cost", "--kernel", "6.18"]);
        assert!(matches!(choice.want, Want::NewestOf(_)) && !choice.untested);
        let choice = parse(&["raext", "cost", "--kernel", "./vmlinuz", "--untested"]);
        assert!(matches!(choice.want, Want::Image(_)) && choice.untested);
        assert_eq!(parse(&["raext", "cost"]).want.to_string(), "6.12");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(
            (size("512M"), size("2g"), size("1KiB")),
            (Ok(512 << 20), Ok(2 << 30), Ok(1024))
        );
        for wrong in ["", "M", "2X", "1.5G", "0", "99999999999T", "-1G"] {
            assert!(size(wrong).unwrap_err().contains("no size"), "{wrong}");
        }
    }

    #[test]
    fn a_limit_that_no_process_starts_with_is_refused() {
        assert_eq!(limit("256K"), Ok(1 << 18));
        for little in ["64", "255K", "1"] {
            let error = limit(little).unwrap_err();
            assert!(error.contains("bytes") && error.contains("at least 256K"), "{error}");
        }
        let words = ["raext", "try", "--limit", "64", "--", "true"];
        let error = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }

    #[test]
    fn what_follows_the_command_is_its_own() {
        let words = ["raext", "try", "--data", "/srv", "--", "rg", "--data", "x"];
        let Command::Try(args) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        assert_eq!(args.command, ["rg", "--data", "x"]);
        assert_eq!(args.data, [PathBuf::from("/srv")]);
        let words = ["raext", "try", "ls", "-l"];
        let Command::Try(args) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        assert_eq!(args.command, ["ls", "-l"]);
    }

    #[test]
    fn a_tunable_needs_a_name_and_a_value() {
        assert_eq!(key_value("limit_kb=8"), Ok(("limit_kb".into(), "8".into())));
        assert!(key_value("limit_kb").unwrap_err().contains("NAME=VALUE"));
        assert!(key_value("=8").is_err());
    }
}
