// SPDX-License-Identifier: GPL-2.0-only
//! `raext bench`: the whole benchmark.
//!
//! The works and contenders that the arguments mean are put together here; the one
//! engine measures them.

use crate::args::BenchArgs;
use crate::contenders::policies;
use crate::exit::{Exit, Result};
use crate::policy;
use crate::shown::{Shown, duration};
use crate::steps::Steps;
use raext_kernel::Packages;
use raext_measure::experiment::{
    Attach, Contender, Experiment, FIXED_KB, FileStore, Header, Known, MicroVms, Place, Plan,
    SlowRule, Store as _, Work, id,
};
use raext_measure::plans::{count_decisions, courses};
use raext_measure::report::{Html, Json, Render, Report, Svg, Terminal, View};
use raext_measure::software::SoftwareRow;
use raext_model::{DeviceProfile, Error, Fs, IoExt as _, Progress};
use raext_vm::Paths;
use std::fs;
use std::path::Path;
use std::rc::Rc;

type Works = Vec<Box<dyn Work>>;

/// The policies that are measured unless others are named, where they are there.
const DEFAULT_POLICIES: [&str; 4] = ["auto", "tree", "wide", "lean"];
const DEFAULT_REPEATS: u32 = 3;

/// The file with the measurements.
const STORE: &str = "store.jsonl";

/// Measure what is missing, and show everything.
pub(crate) fn run(args: &BenchArgs, steps: &Rc<Steps>) -> Result<Exit> {
    let paths = Paths::find()?;
    let out = args.out.clone().unwrap_or_else(|| paths.build.join("bench"));
    let path = out.join(STORE);
    if args.show {
        let none = || Error::refused(format!("{} is empty", path.display()));
        let known = Known::of(&FileStore::read(&path)?).ok_or_else(none)?;
        if let Some(svg) = &args.svg {
            write(svg, &Svg.render(&Report::of(&known, SlowRule::BENCH, &[])))?;
            eprintln!("raext: picture: {}", svg.display());
        }
        return ended(show(&known, &[], &out)?);
    }
    let works = works(args, &Packages::new(&paths.cache(), steps.clone())?)?;
    let contenders = contenders(args, steps)?;
    let kernel = args.kernel.choice();
    let header = Header::new(crate::kernels::release(&kernel, steps)?, contenders.clone());
    let plan = Plan {
        works,
        contenders,
        repeats: if args.quick { 1 } else { args.repeat.unwrap_or(DEFAULT_REPEATS) },
        floor: true,
        attach: Attach::PerRun,
        slow: SlowRule::BENCH,
        boots: 2,
        kernel,
        command: command(args),
    };
    if args.list {
        steps.finish();
        list(&plan, &known(&path, header, args.fresh)?);
        return Ok(Exit::Done);
    }
    fs::create_dir_all(&out).ours("making", &out)?;
    if args.fresh && path.exists() {
        fs::remove_file(&path).ours("removing", &path)?;
    }
    let mut store = FileStore::open(&path, header)?;
    let asked: Vec<_> = plan.works.iter().map(|work| id(work.as_ref())).collect();
    let (contenders, kernel) = (plan.contenders.clone(), plan.kernel.clone());
    let (repeats, machines) = (plan.repeats, &mut MicroVms::default());
    let shown = Rc::new(Shown::stoppable(steps)?);
    let progress: Rc<dyn Progress> = shown.clone();
    let mut experiment =
        Experiment { plan, store: &mut store, machines, progress: Rc::clone(&progress) };
    if !args.rows.is_empty() {
        experiment.again()?;
    }
    let left = experiment.left();
    shown.expect(left);
    shown.note(&format!(
        "{} rows, {} columns, {repeats} repeats: {} runs to make, about {}",
        asked.len(),
        contenders.len(),
        left.runs,
        duration(left.seconds)
    ));
    let mut measured = experiment.run();
    let left = experiment.left();
    if measured.is_ok() && !args.no_cost && args.rows.is_empty() {
        measured = count_decisions(&contenders, &kernel, &mut store, &progress);
    }
    steps.finish();
    // An error or an interruption does not hide the measurements that are there.
    let flawed = show(store.known(), &asked, &out)?;
    if !shown.is_stopped() {
        measured?;
    } else if left.runs > 0 {
        let text = format!(
            "interrupted with {} runs to make, about {}: the same command continues",
            left.runs,
            duration(left.seconds)
        );
        eprintln!("raext: {text}");
        return Ok(Exit::Interrupted);
    }
    ended(flawed)
}

fn ended(flawed: bool) -> Result<Exit> {
    if flawed {
        eprintln!("raext: some cells failed or have a wrong answer: see FLAW above");
        return Ok(Exit::Refused);
    }
    Ok(Exit::Done)
}

/// The rows that are meant.
fn works(args: &BenchArgs, packages: &Packages) -> Result<Works> {
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
    let mut rows: Works = Vec::new();
    for &device in &devices {
        for &fs in &systems {
            let place = Place { device, fs };
            rows.extend(courses(place));
            rows.extend(SoftwareRow::all(place, packages)?);
        }
    }
    for wanted in &args.rows {
        if !rows.iter().any(|row| is_meant(row.as_ref(), wanted)) {
            let mut names: Vec<_> = rows.iter().map(|row| row.name()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(Error::usage(format!(
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

fn is_meant(row: &dyn Work, wanted: &str) -> bool {
    row.name() == wanted || id(row) == wanted
}

/// The kernel, the fixed lengths, the policies.
fn contenders(args: &BenchArgs, steps: &Rc<Steps>) -> Result<Vec<Contender>> {
    let given = match &args.policies[..] {
        [] => {
            let shipped = policy::shipped_names()?;
            let there = DEFAULT_POLICIES.iter().map(|name| (*name).to_owned());
            there.filter(|name| shipped.contains(name)).collect()
        }
        given => given.to_vec(),
    };
    let fixed = FIXED_KB.map(Contender::Fixed);
    Ok([Contender::Kernel]
        .into_iter()
        .chain(fixed)
        .chain(policies(&given, &args.kernel.choice(), steps)?)
        .collect())
}

/// What a bench would go on from: nothing, if what is there is another one's.
fn known(path: &Path, header: Header, fresh: bool) -> Result<Known> {
    let known = if fresh || !path.exists() { None } else { Known::of(&FileStore::read(path)?) };
    let same = known.filter(|known| header.is_same(&known.header));
    Ok(same.unwrap_or_else(|| Known::new(header)))
}

fn list(plan: &Plan, known: &Known) {
    let labels: Vec<_> = plan.contenders.iter().map(Contender::label).collect();
    println!("columns: {}", labels.join(", "));
    let ids: Vec<_> = plan.works.iter().map(|work| id(work.as_ref())).collect();
    let width = ids.iter().map(String::len).max().unwrap_or(0);
    for (id, work) in ids.iter().zip(&plan.works) {
        println!("{id:<width$}  {}", work.describe());
    }
    let left = plan.left(known);
    println!("{} runs to make, about {}", left.runs, duration(left.seconds));
}

/// Write the files, print the table of some rows (of all, if none are named); whether
/// something is wrong with a cell of it.
fn show(known: &Known, asked: &[String], out: &Path) -> Result<bool> {
    let all = Report::of(known, SlowRule::BENCH, &[]);
    let files: [(&str, &dyn Render); 3] = [
        ("table.txt", &Terminal(View::Bench)),
        ("results.json", &Json(View::Bench)),
        ("index.html", &Html(View::Bench)),
    ];
    for (name, render) in files {
        write(&out.join(name), &render.render(&all))?;
    }
    let shown = Report::of(known, SlowRule::BENCH, asked);
    print!("{}", Terminal(View::Bench).render(&shown));
    let page = out.join("index.html");
    let others = if shown.rows.len() < all.rows.len() { " (of all rows)" } else { "" };
    eprintln!("raext: page with charts{others}: {}", page.display());
    Ok(shown.is_flawed())
}

fn write(path: &Path, text: &str) -> Result<()> {
    // Beside it first: a full disk does not take the old one away.
    let new = path.with_extension("new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).ours("writing", path)
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

    fn meant(args: &BenchArgs) -> Result<Works> {
        let cache = Paths::find().unwrap().cache();
        works(args, &Packages::new(&cache, Rc::new(raext_model::Silent)).unwrap())
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
}
