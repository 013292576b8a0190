// SPDX-License-Identifier: GPL-2.0-only
//! The summary of a command's run, for people and for programs.

use super::Run;
use super::plan::Plan;
use crate::args::TryArgs;
use raext_measure::report::text::{factor, megabytes, time};
use raext_model::{End, Ran, VERDICTS};
use serde_json::json;

/// The machine that it ran on, in words.
pub(super) struct Machine {
    /// `uname -r` of the guest.
    pub release: String,
    /// KVM or TCG.
    pub accelerator: String,
}

/// A table with a column for each run.
pub(super) fn table(args: &TryArgs, plan: &Plan, machine: &Machine, made: &[Run]) -> String {
    let runs: Vec<_> = made.iter().map(|run| run.ran.clone()).collect();
    let device = plan.volume.as_ref().map_or_else(
        || "nothing on the device".to_owned(),
        |_| {
            let cache = if args.warm { "warm" } else { "cold" };
            let place = format!("on {} with {}, {cache}", args.device, args.fs);
            // What was made before is not known here.
            if plan.before.is_empty() {
                format!("{} {place}", megabytes(plan.data_bytes as f64))
            } else {
                place
            }
        },
    );
    let mut out = format!(
        "raext: {}: {device} (kernel {}, {})\n",
        plan.program.argv[0], machine.release, machine.accelerator
    );
    row(&mut out, "", made.iter().map(|run| run.label.clone()));
    let ratio = |of: &dyn Fn(&Ran) -> u64| match &runs[..] {
        [first, second] if of(second) > 0 => {
            format!("  {}", factor(of(first) as f64 / of(second) as f64))
        }
        _ => String::new(),
    };
    row(&mut out, "time", runs.iter().map(|ran| time(ran.wall_ns as f64)));
    out.truncate(out.trim_end().len());
    out += &format!("{}\n", ratio(&|ran| ran.wall_ns));
    row(&mut out, "processor", runs.iter().map(|ran| time(ran.cpu_ns as f64)));
    row(&mut out, "device reads", runs.iter().map(|ran| ran.device_reads.to_string()));
    row(&mut out, "read", runs.iter().map(|ran| megabytes(ran.device_bytes as f64)));
    row(&mut out, "decisions", runs.iter().map(|ran| ran.decisions().to_string()));
    for event in ["miss", "mark", "fault"] {
        if runs.iter().any(|ran| ran.decisions_of(event) > 0) {
            row(&mut out, &format!("  {event}"), runs.iter().map(|ran| verdicts(ran, event)));
        }
    }
    if runs.iter().any(|ran| !matches!(ran.end, End::Exit(0))) {
        row(&mut out, "ended", runs.iter().map(|ran| ended(ran.end)));
    }
    for ran in &runs {
        if ran.oom_kills > 0 {
            out += &format!(
                "raext: {} killed for lack of memory (--limit, --memory)\n",
                processes(ran.oom_kills)
            );
        }
        if ran.left > 0 {
            out +=
                &format!("raext: {} left behind by the command, and killed\n", processes(ran.left));
        }
    }
    if plan.left_out > 0 {
        out += &format!("raext: --data: {} not copied\n", nodes(plan.left_out));
    }
    if !args.warm && plan.volume.is_some() && runs.iter().all(is_idle) {
        out += "raext: nothing was read from the device: are the data in a folder of --data?\n";
    }
    out
}

/// Whether a command that ended by itself read nothing from the device. One that was
/// killed may not have come to its reads.
fn is_idle(ran: &Ran) -> bool {
    matches!(ran.end, End::Exit(_)) && ran.oom_kills == 0 && ran.device_reads == 0
}

/// The same as JSON.
pub(super) fn json(args: &TryArgs, plan: &Plan, machine: &Machine, runs: &[Run]) -> String {
    let runs: Vec<_> = runs
        .iter()
        .map(|Run { label, ran, .. }| {
            json!({
                "policy": label,
                "status": ran.end.status(),
                "end": ran.end,
                "wall_ns": ran.wall_ns,
                "cpu_ns": ran.cpu_ns,
                "device_reads": ran.device_reads,
                "device_bytes": ran.device_bytes,
                "decisions": ran.decisions(),
                "counts": ran.counts,
                "oom_kills": ran.oom_kills,
                "left": ran.left,
            })
        })
        .collect();
    let summary = json!({
        "schema": "raext-try-1",
        "command": plan.program.argv,
        "kernel": machine.release,
        "accelerator": machine.accelerator,
        "device": args.device,
        "fs": args.fs,
        "cold": !args.warm,
        "read_ahead_kb": args.read_ahead_kb,
        "data_bytes": plan.data_bytes,
        "left_out": plan.left_out,
        "runs": runs,
    });
    format!("{summary:#}\n")
}

fn row(out: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    *out += &format!("  {name:<14}");
    for cell in cells {
        *out += &format!("{cell:>14}");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
}

/// The decisions of an event, and what they came to if that was always the same.
fn verdicts(ran: &Ran, event: &str) -> String {
    let counts = ran.counts.get(event);
    let of = |verdict: &str| counts.and_then(|counts| counts.get(verdict)).copied().unwrap_or(0);
    let words: Vec<_> = VERDICTS
        .into_iter()
        .filter(|verdict| of(verdict) > 0)
        .map(|verdict| format!("{} {verdict}", of(verdict)))
        .collect();
    if words.is_empty() { "0".into() } else { words.join(", ") }
}

fn ended(end: End) -> String {
    match end {
        End::Exit(status) => format!("status {status}"),
        End::Signal(signal) => format!("signal {signal}"),
        End::Deadline => "at --timeout".into(),
        End::NotStarted(_) => "not started".into(),
    }
}

fn nodes(count: u64) -> String {
    match count {
        1 => "1 socket or device node was".into(),
        _ => format!("{count} sockets or device nodes were"),
    }
}

fn processes(count: u64) -> String {
    if count == 1 { "1 process was".into() } else { format!("{count} processes were") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;
    use raext_measure::experiment::Contender;
    use raext_model::{Output, Program, User, Volume};
    use std::collections::BTreeMap;

    fn summary(left_out: u64, end: End, device_reads: u64, oom_kills: u64) -> String {
        let words = ["raext", "try", "--data", "/srv", "--", "ls"];
        let Command::Try(args) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        let program = Program {
            argv: vec!["ls".into()],
            env: BTreeMap::new(),
            cwd: "/".into(),
            user: User::default(),
            memory_max: None,
            output: Output::Send,
            input: false,
            deadline_ms: None,
            leave_children: false,
        };
        let (profile, fs) = (args.device, args.fs);
        let plan = Plan {
            contenders: vec![Contender::Kernel],
            repeats: 1,
            labels: vec!["kernel".into()],
            volume: Some(Volume { profile, fs, bytes: 1 << 20, folders: Vec::new() }),
            folders: vec!["/srv".into()],
            data_bytes: 4096,
            left_out,
            program,
            before: Vec::new(),
            memory_mib: 2048,
        };
        let machine = Machine { release: "6.12".into(), accelerator: "TCG".into() };
        let ran = Ran {
            end,
            wall_ns: 1,
            cpu_ns: 1,
            device_reads,
            device_bytes: 0,
            counts: BTreeMap::new(),
            oom_kills,
            left: 0,
        };
        table(&args, &plan, &machine, &[Run { label: "kernel".into(), ran, printed: 0 }])
    }

    #[test]
    fn a_command_that_was_killed_is_not_asked_where_its_data_are() {
        const HINT: &str = "are the data in a folder of --data?";
        assert!(summary(0, End::Exit(1), 0, 0).contains(HINT));
        for (end, reads, kills) in [
            (End::Exit(0), 1, 0),
            (End::Deadline, 0, 0),
            (End::Signal(11), 0, 0),
            (End::Exit(1), 0, 1),
        ] {
            assert!(!summary(0, end, reads, kills).contains(HINT), "{end:?}");
        }
    }

    #[test]
    fn what_was_not_copied_is_counted() {
        assert!(!summary(0, End::Exit(0), 1, 0).contains("not copied"));
        let one = summary(1, End::Exit(0), 1, 0);
        assert!(one.contains("--data: 1 socket or device node was not copied\n"), "{one}");
        let two = summary(2, End::Exit(0), 1, 0);
        assert!(two.contains("--data: 2 sockets or device nodes were not copied\n"), "{two}");
    }
}
