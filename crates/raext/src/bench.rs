// SPDX-License-Identifier: GPL-2.0-only
//! `raext bench`: the whole benchmark.
//!
//! The rows and columns that the arguments mean are put together here; raext-bench
//! measures them and says what that comes to.

use crate::args::BenchArgs;
use crate::compare::plan::{self, column, shorten};
use crate::exit::Stop;
use crate::policy;
use crate::steps::Steps;
use anyhow::{Context as _, Result};
use raext_measure::bench::{
    Bench, Column, FIXED_KB, Header, Place, Policy, Progress, Results, Row, Store, Summary, digest,
    id, left, synthetic,
};
use raext_measure::software::SoftwareRow;
use raext_model::{DeviceProfile, Fs};
use raext_vm::Paths;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The policies that are measured unless others are named, where they are there.
const DEFAULT_POLICIES: [&str; 4] = ["auto", "tree", "wide", "lean"];
const DEFAULT_REPEATS: u32 = 3;

/// The file with the measurements.
const STORE: &str = "store.jsonl";

/// Measure what is missing, and show everything.
pub fn run(args: &BenchArgs, steps: &Steps) -> Result<()> {
    let step = |text: &str| steps.step(text);
    let paths = Paths::find()?;
    let out = args.out.clone().unwrap_or_else(|| paths.build.join("bench"));
    let path = out.join(STORE);
    if args.show {
        let none = || Stop::refused(format!("{} is empty", path.display()));
        let results = Results::of(&Store::read(&path)?).ok_or_else(none)?;
        return ended(show(&results, &[], &out)?);
    }
    let rows = rows(args, &paths)?;
    let columns = columns(args, &step)?;
    let kernel = args.kernel.choice();
    let provided = raext_kernel::provide(&paths.cache(), &kernel.want, kernel.untested, &step)
        .map_err(raext_vm::EngineError::from)?;
    let header = Header::new(provided.release, columns.clone());
    let repeats = if args.quick { 1 } else { args.repeat.unwrap_or(DEFAULT_REPEATS) };
    if args.list {
        steps.finish();
        list(&rows, &columns, repeats, &known(&path, &header, args.fresh)?);
        return Ok(());
    }
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    if args.fresh && path.exists() {
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    let store = Store::open(&path, header)?;
    let mut bench = Bench { columns, repeats, kernel, command: command(args), rows, store };
    if !args.rows.is_empty() {
        bench.again()?;
    }
    let (total, seconds) = bench.left();
    let shown = Shown::new(steps, total)?;
    shown.note(&format!(
        "{} rows, {} columns, {} repeats: {total} runs to make, about {}",
        bench.rows.len(),
        bench.columns.len(),
        bench.repeats,
        duration(seconds)
    ));
    let mut measured = bench.measure(&shown);
    if measured.is_ok() && !args.no_cost && args.rows.is_empty() {
        measured = bench.measure_costs(&shown);
    }
    steps.finish();
    // What there is, is shown, whatever ended it.
    let asked: Vec<_> = bench.rows.iter().map(|row| id(row.as_ref())).collect();
    let flawed = show(&bench.results(), &asked, &out)?;
    let (left, seconds) = bench.left();
    if !shown.is_stopped() {
        measured?;
    } else if left > 0 {
        let text = format!(
            "interrupted with {left} runs to make, about {}: the same command goes on",
            duration(seconds)
        );
        return Err(Stop { status: 130, text }.into());
    }
    ended(flawed)
}

fn ended(flawed: bool) -> Result<()> {
    if flawed {
        eprintln!("raext: some cells failed or have a wrong answer: see FLAW above");
        return Err(Stop::refused_silently());
    }
    Ok(())
}

/// Progress on the terminal, stopped by the signals that end a command.
struct Shown<'a> {
    steps: &'a Steps,
    total: u64,
    stopped: Arc<AtomicBool>,
}

impl<'a> Shown<'a> {
    fn new(steps: &'a Steps, total: u64) -> Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second one ends the command at once; nothing is lost by that.
            signal_hook::flag::register_conditional_shutdown(signal, 130, stopped.clone())?;
            signal_hook::flag::register(signal, stopped.clone())?;
        }
        Ok(Self { steps, total, stopped })
    }
}

impl Progress for Shown<'_> {
    fn step(&self, text: &str) {
        self.steps.step(text);
    }

    fn run(&self, what: &str, left: u64, seconds: u64) {
        let text = format!("{what} (about {} left)", duration(seconds));
        self.steps.at(self.total.saturating_sub(left), self.total, &text);
    }

    fn note(&self, text: &str) {
        self.steps.note(text);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// The rows that are meant.
fn rows(args: &BenchArgs, paths: &Paths) -> Result<Vec<Box<dyn Row>>> {
    let or =
        |given: &[Fs], default: Vec<Fs>| if given.is_empty() { default } else { given.to_vec() };
    let (devices, systems) = if args.all {
        (
            vec![DeviceProfile::Disk, DeviceProfile::Cloud, DeviceProfile::Nvme],
            vec![Fs::Ext4, Fs::Xfs, Fs::Btrfs],
        )
    } else {
        let devices = match &args.devices[..] {
            [] => vec![DeviceProfile::Disk],
            given => given.to_vec(),
        };
        (devices, or(&args.fs, vec![Fs::Ext4]))
    };
    let mut rows: Vec<Box<dyn Row>> = Vec::new();
    for &device in &devices {
        for &fs in &systems {
            let place = Place { device, fs };
            rows.extend(synthetic(place));
            rows.extend(SoftwareRow::all(place, &paths.cache())?);
        }
    }
    for wanted in &args.rows {
        if !rows.iter().any(|row| is_meant(row.as_ref(), wanted)) {
            let mut names: Vec<_> = rows.iter().map(|row| row.name()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(Stop::usage(format!(
                "no row '{wanted}' on these devices and file systems: choose one of {}",
                names.join(", ")
            )));
        }
    }
    if !args.rows.is_empty() {
        rows.retain(|row| args.rows.iter().any(|wanted| is_meant(row.as_ref(), wanted)));
    }
    Ok(rows)
}

fn is_meant(row: &dyn Row, wanted: &str) -> bool {
    row.name() == wanted || id(row) == wanted
}

/// The kernel, the fixed lengths, the policies.
fn columns(args: &BenchArgs, step: &dyn Fn(&str)) -> Result<Vec<Column>> {
    let given = match &args.policies[..] {
        [] => {
            let shipped = policy::shipped_names()?;
            let there = DEFAULT_POLICIES.iter().map(|name| (*name).to_owned());
            there.filter(|name| shipped.contains(name)).collect()
        }
        given => given.to_vec(),
    };
    let mut policies = Vec::new();
    for (at, text) in given.iter().enumerate() {
        policies.push(plan::Policy::resolve(at, column(text)?, step)?);
    }
    shorten(&mut policies);
    let mut columns = vec![Column::Kernel];
    columns.extend(FIXED_KB.map(Column::Fixed));
    for policy in policies {
        let bytes = fs::read(&policy.object)
            .with_context(|| format!("reading {}", policy.object.display()))?;
        let column = Column::Policy(Policy {
            label: policy.column.label(),
            set: policy.column.set,
            digest: digest(&bytes),
            object: policy.object,
        });
        if columns.iter().any(|other| other.key() == column.key()) {
            return Err(Stop::usage(format!("policy {} is given twice", column.label())));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// What a bench would go on from: nothing, if what is there is another one's.
fn known(path: &Path, header: &Header, fresh: bool) -> Result<Results> {
    let known = if fresh || !path.exists() { None } else { Results::of(&Store::read(path)?) };
    let same = known.filter(|known| header.is_same(&known.header));
    Ok(same.unwrap_or_else(|| Results::empty(header.columns.clone())))
}

fn list(rows: &[Box<dyn Row>], columns: &[Column], repeats: u32, known: &Results) {
    let labels: Vec<_> = columns.iter().map(Column::label).collect();
    println!("columns: {}", labels.join(", "));
    let width = rows.iter().map(|row| id(row.as_ref()).len()).max().unwrap_or(0);
    for row in rows {
        println!("{:<width$}  {}", id(row.as_ref()), row.describe());
    }
    let (runs, seconds) = left(known, rows, columns, repeats);
    println!("{runs} runs to make, about {}", duration(seconds));
}

/// Write the files, print the table of some rows (of all, if none are named); whether
/// something is wrong with a cell of it.
fn show(results: &Results, asked: &[String], out: &Path) -> Result<bool> {
    let all = Summary::of(results, &[]);
    write(&out.join("table.txt"), &raext_measure::bench::table(results, &all))?;
    write(&out.join("results.json"), &raext_measure::bench::json(results, &all)?)?;
    write(&out.join("index.html"), &raext_measure::bench::html(results, &all))?;
    let shown = Summary::of(results, asked);
    print!("{}", raext_measure::bench::table(results, &shown));
    let page = out.join("index.html");
    let others = if shown.rows.len() < all.rows.len() { " (of all rows)" } else { "" };
    eprintln!("raext: page with charts{others}: {}", page.display());
    Ok(shown.is_flawed())
}

fn write(path: &PathBuf, text: &str) -> Result<()> {
    // Beside it first: a full disk does not take the old one away.
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("writing {}", path.display()))
}

/// The command line that does this again, elsewhere too.
fn command(args: &BenchArgs) -> String {
    let mut words = vec!["raext bench".to_owned()];
    words.extend(args.policies.iter().map(|policy| format!("--policy {policy}")));
    words.extend(args.devices.iter().map(|device| format!("--device {device}")));
    words.extend(args.fs.iter().map(|fs| format!("--fs {fs}")));
    let flags = [("--all", args.all), ("--quick", args.quick), ("--no-cost", args.no_cost)];
    words.extend(flags.iter().filter(|(_, on)| *on).map(|(flag, _)| (*flag).to_owned()));
    words.extend(args.repeat.map(|repeat| format!("--repeat {repeat}")));
    words.extend(args.kernel.kernel.as_ref().map(|kernel| format!("--kernel {kernel}")));
    if args.kernel.untested {
        words.push("--untested".to_owned());
    }
    words.join(" ")
}

/// A time for people.
fn duration(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn args(words: &str) -> BenchArgs {
        let words = ["raext", "bench"].into_iter().chain(words.split_whitespace());
        match Cli::try_parse_from(words).unwrap().command {
            Command::Bench(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn meant(args: &BenchArgs) -> Result<Vec<Box<dyn Row>>> {
        rows(args, &Paths::find().unwrap())
    }

    #[test]
    fn a_row_is_meant_by_its_name_or_with_its_place() {
        let count = |words: &str| meant(&args(words)).unwrap().len();
        assert_eq!(count("--row stride"), 1);
        assert_eq!(count("--row stride --device nvme --device cloud --fs xfs"), 2);
        assert_eq!(count("--all --row stride@nvme/btrfs --row backward@disk/xfs"), 2);
        assert_eq!(count("--all"), 9 * count(""));
        let error = meant(&args("--row nothing")).err().unwrap().to_string();
        assert!(error.contains("'nothing'") && error.contains("stride-backward"), "{error}");
        assert!(meant(&args("--row stride@nvme/xfs")).is_err());
    }

    #[test]
    fn the_command_can_be_given_again() {
        let words = "--policy wide:limit_kb=1 --device cloud --fs xfs --repeat 5 --kernel 6.18";
        assert_eq!(command(&args(words)), format!("raext bench {words}"));
        assert_eq!(command(&args("--quick --row stride --out x")), "raext bench --quick");
    }

    #[test]
    fn times_are_short() {
        assert_eq!([5, 100, 7200].map(duration), ["5 s", "2 min", "2.0 h"]);
    }
}
