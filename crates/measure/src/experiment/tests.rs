// SPDX-License-Identifier: GPL-2.0-only
//! An experiment on machines that are fakes: order, resume, death, slow cells, flaws.

use crate::experiment::*;
use raext_model::{DeviceProfile, Fs, Left, Progress};
use raext_vm::{KernelChoice, Machine};
use std::cell::{Cell as StdCell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

const MS: u64 = 1_000_000;

/// What happened, in order.
type Log = Rc<RefCell<Vec<String>>>;

struct Fakes {
    log: Log,
}

/// Knows what is in force.
struct Fake {
    log: Log,
    applied: Option<usize>,
}

impl Machines for Fakes {
    type Guest = Fake;

    fn boot(&mut self, _: Machine, _: Rc<dyn Progress>) -> Result<Fake, BenchError> {
        self.log.borrow_mut().push("boot".into());
        Ok(Fake { log: self.log.clone(), applied: None })
    }
}

impl Guest for Fake {
    fn accelerator(&self) -> String {
        "none".into()
    }

    fn apply(&mut self, at: usize, contender: &Contender, everywhere: bool) -> Result<(), Flaw> {
        assert_eq!(self.applied, None, "two at once");
        if contender.label() == "refused" {
            return Err(Flaw::Failed("the policy refused was refused".into()));
        }
        self.applied = Some(at);
        let place = if everywhere { "everywhere" } else { "on the device" };
        self.log.borrow_mut().push(format!("apply {} {place}", contender.label()));
        Ok(())
    }

    fn release(&mut self, contender: &Contender) -> Result<(), Flaw> {
        assert!(self.applied.take().is_some());
        self.log.borrow_mut().push(format!("release {}", contender.label()));
        Ok(())
    }

    fn stop(self) {
        self.log.borrow_mut().push("stop".into());
    }
}

/// What is odd about a work.
#[derive(Clone, Copy, PartialEq)]
enum Oddity {
    None,
    /// It cannot be run here.
    Lacks,
    /// Its data cannot be made.
    Unprepared,
    /// Each run fails.
    Fails,
    /// Under the first contender but the kernel it takes the machine down so many times.
    Kills(u32),
    /// Under the first contender but the kernel it takes so many times as long.
    Slow(u64),
}

struct Small {
    name: &'static str,
    oddity: Oddity,
    killed: Rc<StdCell<u32>>,
}

impl Work<Fake> for Small {
    fn name(&self) -> &str {
        self.name
    }

    fn describe(&self) -> &'static str {
        "a small work"
    }

    fn place(&self) -> Place {
        Place { device: DeviceProfile::Disk, fs: Fs::Ext4 }
    }

    fn definition(&self) -> String {
        "1".into()
    }

    fn provide(&mut self, _: &mut Machine) -> Result<(), Flaw> {
        match self.oddity {
            Oddity::Lacks => Err(Flaw::Lacking("no package".into())),
            _ => Ok(()),
        }
    }

    fn prepare(&mut self, machine: &mut Fake) -> Result<(), Flaw> {
        machine.log.borrow_mut().push(format!("prepare {}", self.name));
        match self.oddity {
            Oddity::Unprepared => Err(Flaw::Failed("no room".into())),
            _ => Ok(()),
        }
    }

    fn run(&mut self, machine: &mut Fake, how: &How) -> Result<Outcome, Flaw> {
        let cached = if how.cached { " cached" } else { "" };
        let limit = how.limit.as_ref().map_or(String::new(), |limit| format!(" of {}", limit.ms));
        let applied = machine.applied.map_or("-".into(), |at| at.to_string());
        machine.log.borrow_mut().push(format!("run {} {applied}{cached}{limit}", self.name));
        let first = machine.applied == Some(1);
        let ms = match self.oddity {
            Oddity::Fails => return Err(Flaw::Failed("the disk is full".into())),
            Oddity::Kills(times) if first && self.killed.get() < times => {
                self.killed.set(self.killed.get() + 1);
                return Err(Flaw::Lost("a panic".into()));
            }
            Oddity::Slow(times) if first => 100 * times,
            _ => 100,
        };
        let parts = vec![Part { name: "all".into(), ns: ms * MS, ops: 1 }];
        Ok(Outcome { parts, answer: "right".into(), ..Outcome::default() })
    }
}

/// Stops after so many runs.
struct After(StdCell<u32>);

impl Progress for After {
    fn step(&self, _: &str) {}

    fn run(&self, _: &str, _: Left) {
        self.0.set(self.0.get().saturating_sub(1));
    }

    fn note(&self, _: &str) {}

    fn is_stopped(&self) -> bool {
        self.0.get() == 0
    }
}

fn contenders() -> Vec<Contender> {
    vec![Contender::Kernel, Contender::Fixed(16), policy("auto")]
}

fn policy(label: &str) -> Contender {
    Contender::Policy(Policy { label: label.into(), ..Policy::default() })
}

fn plan(works: &[(&'static str, Oddity)], attach: Attach) -> Plan<Fakes> {
    let work = |(name, oddity): &(&'static str, Oddity)| {
        Box::new(Small { name, oddity: *oddity, killed: Rc::default() }) as Box<dyn Work<Fake>>
    };
    Plan {
        works: works.iter().map(work).collect(),
        contenders: contenders(),
        repeats: 2,
        floor: attach == Attach::PerRun,
        attach,
        slow: SlowRule::BENCH,
        boots: 2,
        kernel: KernelChoice::default(),
        command: "a test".into(),
    }
}

/// Run a plan for so many runs; what happened.
fn run(plan: Plan<Fakes>, store: &mut dyn Store, runs: u32) -> Vec<String> {
    let log = Log::default();
    let machines = &mut Fakes { log: log.clone() };
    let progress = Rc::new(After(StdCell::new(runs)));
    Experiment { plan, store, machines, progress }.run().unwrap();
    log.take()
}

fn memory(plan: &Plan<Fakes>) -> MemoryStore {
    MemoryStore::new(Header::new("6.12".into(), plan.contenders.clone()))
}

/// The reasons of a work's cells, by contender.
fn flaws(known: &Known, name: &str) -> BTreeMap<String, String> {
    let work = known.work(&format!("{name}@disk/ext4")).unwrap();
    let flaw = |key: &String| Some((key.clone(), work.failure(key)?.to_string()));
    work.runs.keys().filter_map(flaw).collect()
}

#[test]
fn each_run_has_its_own_attachment_and_everyone_comes_first_once() {
    let plan = plan(&[("a", Oddity::None)], Attach::PerRun);
    let mut store = memory(&plan);
    let log = run(plan, &mut store, u32::MAX);
    let expected = [
        "boot",
        "prepare a",
        "run a -",
        "apply 16 KiB on the device",
        "run a 1 of 600",
        "release 16 KiB",
        "apply auto on the device",
        "run a 2 of 600",
        "release auto",
        "run a - cached",
        "run a - cached",
        "apply 16 KiB on the device",
        "run a 1 of 600",
        "release 16 KiB",
        "apply auto on the device",
        "run a 2 of 600",
        "release auto",
        "run a - cached",
        "run a - cached",
        "run a -",
        "stop",
    ];
    assert_eq!(log, expected);
    let firsts: Vec<_> = order(0, 2, true, 3).step_by(3).map(|cell| cell.contender).collect();
    assert_eq!(firsts, [Some(0), Some(1), None]);
}

#[test]
fn a_sweep_attaches_once_for_all_works() {
    let plan = plan(&[("a", Oddity::None), ("b", Oddity::None)], Attach::PerSweep);
    let mut store = memory(&plan);
    let log = run(Plan { slow: SlowRule::COMPARISON, ..plan }, &mut store, u32::MAX);
    let log: Vec<_> = log.iter().filter(|line| !line.starts_with("prepare")).collect();
    let expected = [
        "boot",
        "run a -",
        "run b -",
        "apply 16 KiB everywhere",
        "run a 1",
        "run b 1",
        "release 16 KiB",
        "apply auto everywhere",
        "run a 2",
        "run b 2",
        "release auto",
        "apply 16 KiB everywhere",
        "run b 1",
        "run a 1",
        "release 16 KiB",
        "apply auto everywhere",
        "run b 2",
        "run a 2",
        "release auto",
        "run b -",
        "run a -",
        "stop",
    ];
    assert_eq!(log, expected);
}

#[test]
fn a_machine_for_each_run() {
    let plan = plan(&[("a", Oddity::None)], Attach::PerMachine);
    let mut store = memory(&plan);
    let log = run(Plan { repeats: 1, slow: SlowRule::NONE, ..plan }, &mut store, u32::MAX);
    assert_eq!(log.iter().filter(|line| *line == "boot").count(), 3);
    assert!(!log.iter().any(|line| line.starts_with("release")), "{log:?}");
}

#[test]
fn what_is_interrupted_anywhere_ends_as_what_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let works = [("a", Oddity::None), ("slow", Oddity::Slow(7)), ("bad", Oddity::Fails)];
    let all = |path: &Path, runs: u32| {
        let plan = plan(&works, Attach::PerRun);
        let mut store = FileStore::open(path, Header::new("6.12".into(), contenders())).unwrap();
        run(plan, &mut store, runs);
        let plan = self::plan(&works, Attach::PerRun);
        plan.left(store.known()).runs
    };
    let runs = |path: &Path| -> Vec<_> {
        let lines = FileStore::read(path).unwrap();
        let run = |line: Line| match line {
            Line::Run(run) => Some((run.row, run.column, run.repeat, run.result)),
            _ => None,
        };
        lines.into_iter().filter_map(run).collect()
    };
    let whole = dir.path().join("whole");
    assert_eq!(all(&whole, u32::MAX), 0);
    for every in [1, 2, 7] {
        let path = dir.path().join(format!("every{every}"));
        while all(&path, every) > 0 {
            // Killed in the middle of a line, too.
            let mut text = fs::read(&path).unwrap();
            text.extend(b"{\"line\":\"run\",\"row\":\"qui");
            fs::write(&path, text).unwrap();
        }
        assert_eq!(runs(&path), runs(&whole), "interrupted each {every} runs");
    }
}

#[test]
fn a_machine_that_dies_once_is_booted_again_and_one_that_dies_twice_marks_its_cell() {
    for (attach, cells) in [(Attach::PerRun, 8), (Attach::PerSweep, 6)] {
        for (times, flaw) in [(1, None), (2, Some("the machine ended: a panic"))] {
            let works = [("deadly", Oddity::Kills(times)), ("other", Oddity::None)];
            let plan = plan(&works, attach);
            let mut store = memory(&plan);
            let log = run(plan, &mut store, u32::MAX);
            assert_eq!(log.iter().filter(|line| *line == "boot").count(), 1 + times as usize);
            let flaws = flaws(store.known(), "deadly");
            assert_eq!(flaws.get("fixed 16").map(String::as_str), flaw);
            assert_eq!(flaws.len(), usize::from(flaw.is_some()));
            let other = store.known().work("other@disk/ext4").unwrap();
            assert_eq!(other.runs.values().map(BTreeMap::len).sum::<usize>(), cells);
        }
    }
}

#[test]
fn a_work_that_cannot_be_run_is_marked_and_the_rest_goes_on() {
    let works = [
        ("lacking", Oddity::Lacks),
        ("unprepared", Oddity::Unprepared),
        ("failing", Oddity::Fails),
        ("sound", Oddity::None),
    ];
    let mut plan = plan(&works, Attach::PerRun);
    plan.contenders[2] = policy("refused");
    let mut store = memory(&plan);
    run(plan, &mut store, u32::MAX);
    let all = |why: &str, keys: &[&str]| -> BTreeMap<String, String> {
        keys.iter().map(|key| ((*key).to_owned(), why.to_owned())).collect()
    };
    let every = ["kernel", "fixed 16", "policy refused", "cached"];
    let known = store.known();
    assert_eq!(flaws(known, "lacking"), all("no package", &every));
    assert_eq!(flaws(known, "unprepared"), all("no room", &every));
    assert_eq!(flaws(known, "failing")["cached"], "the disk is full");
    let refused = "the policy refused was refused";
    assert_eq!(flaws(known, "sound"), all(refused, &["policy refused"]));
}

#[test]
fn a_slow_cell_is_measured_once() {
    for (times, runs) in [(4, 2), (6, 1)] {
        let plan = plan(&[("slow", Oddity::Slow(times))], Attach::PerRun);
        let mut store = memory(&plan);
        run(plan, &mut store, u32::MAX);
        let work = store.known().work("slow@disk/ext4").unwrap();
        assert_eq!((work.runs["fixed 16"].len(), work.runs["kernel"].len()), (runs, 2));
    }
}

#[test]
fn what_is_complete_is_measured_again_where_that_is_asked_for() {
    let works = [("a", Oddity::None), ("b", Oddity::None)];
    let plan = || plan_of(&works);
    let mut store = memory(&plan());
    run(plan(), &mut store, 9);
    assert_eq!(plan().left(store.known()).runs, 7);
    let (machines, progress) =
        (&mut Fakes { log: Log::default() }, Rc::new(After(StdCell::new(0))));
    Experiment { plan: plan(), store: &mut store, machines, progress }.again().unwrap();
    // The complete one anew, and the other from where it was.
    assert_eq!(plan().left(store.known()).runs, 15);
    run(plan(), &mut store, u32::MAX);
    assert_eq!(plan().left(store.known()).runs, 0);
}

fn open(path: &Path) -> FileStore {
    FileStore::open(path, Header::new("6.12".into(), contenders())).unwrap()
}

fn line(name: &str) -> WorkLine {
    let place = Place { device: DeviceProfile::Disk, fs: Fs::Ext4 };
    let (describe, definition) = ("a small work".into(), "one".into());
    let (row, name, needed) = (format!("{name}@{place}"), name.into(), None);
    WorkLine { row, name, describe, place, definition, needed, pattern: None }
}

#[test]
fn another_bench_is_refused_with_the_difference() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(open(&path));
    let refused = |header: Header| FileStore::open(&path, header).unwrap_err().to_string();
    let kernel = refused(Header::new("6.18".into(), contenders()));
    assert!(kernel.contains("6.18") && kernel.contains("--fresh"), "{kernel}");
    let fewer = refused(Header::new("6.12".into(), contenders()[..2].to_vec()));
    assert!(fewer.contains("kernel, 16 KiB, auto"), "{fewer}");
    let mut changed = contenders();
    changed[2] =
        Contender::Policy(Policy { label: "auto".into(), digest: "2".into(), ..Policy::default() });
    let changed = refused(Header::new("6.12".into(), changed));
    assert!(changed.contains("the policy auto is not the one"), "{changed}");
    // Where an object file lies is of no interest.
    let mut moved = contenders();
    if let Contender::Policy(policy) = &mut moved[2] {
        policy.object = "elsewhere".into();
    }
    let mut store = FileStore::open(&path, Header::new("6.12".into(), moved)).unwrap();
    assert!(matches!(
        FileStore::open(&path, Header::new("6.12".into(), contenders())),
        Err(BenchError::InUse(_))
    ));
    store::define(&mut store, line("quick")).unwrap();
    store::define(&mut store, line("quick")).unwrap();
    let other = WorkLine { definition: "two".into(), ..line("quick") };
    assert!(store::define(&mut store, other.clone()).unwrap_err().to_string().contains("quick"));
    store.append(Line::Again { row: other.row.clone() }).unwrap();
    store::define(&mut store, other).unwrap();
}

#[test]
fn a_torn_line_is_dropped_and_a_bad_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    open(&path).append(Line::Row(line("quick"))).unwrap();
    let sound = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{sound}{{\"line\":\"aga")).unwrap();
    assert_eq!(FileStore::read(&path).unwrap().len(), 2);
    let mut store = open(&path);
    assert_eq!(fs::read_to_string(&path).unwrap(), sound);
    store.append(Line::Again { row: "x".into() }).unwrap();
    drop(store);
    assert_eq!(FileStore::read(&path).unwrap().len(), 3);
    fs::write(&path, format!("{sound}{{\"line\":\"aga\n{sound}")).unwrap();
    let error = FileStore::open(&path, Header::new("6.12".into(), contenders())).unwrap_err();
    assert!(matches!(error, BenchError::BadLine { number: 3, .. }), "{error}");
}

/// A plan of each run by itself.
fn plan_of(works: &[(&'static str, Oddity)]) -> Plan<Fakes> {
    plan(works, Attach::PerRun)
}
