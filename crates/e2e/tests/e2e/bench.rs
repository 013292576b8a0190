// SPDX-License-Identifier: GPL-2.0-only
//! The benchmark in the microVM: interrupted and resumed, with a row that fails,
//! one that takes the machine down, and one whose answer is wrong.

use raext_e2e::cases;
use raext_measure::experiment::{
    Attach, CACHED, Contender, Experiment, FileStore, Flaw, Header, How, Line, MicroVms, Outcome,
    Place, Plan, Policy, SlowRule, Store as _, Work, digest, order,
};
use raext_measure::plans::{count_decisions, outcome};
use raext_measure::report::Report;
use raext_model::requests::{PowerOff, RunCourse, SetupDevice};
use raext_model::{Course, Device, DeviceProfile, Fs, Left, Progress, Workload, WorkloadSpec};
use raext_vm::{Machine, Session};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

cases! {
    a_bench_goes_on_where_it_was_and_flaws_stay_in_their_cells,
    what_a_decision_costs_is_counted_once,
}

const REPEATS: u32 = 2;

/// What is odd about a row.
#[derive(Clone, PartialEq)]
enum Oddity {
    None,
    /// Every run fails.
    Fails,
    /// It cannot be run here at all.
    Lacks,
    /// The machine ends in the middle, once.
    Crashes(Rc<Cell<bool>>),
    /// Every answer is another one.
    Lies(u32),
}

struct Small {
    name: &'static str,
    oddity: Oddity,
}

impl Work for Small {
    fn name(&self) -> &str {
        self.name
    }

    fn describe(&self) -> &str {
        "a small row"
    }

    fn place(&self) -> Place {
        Place { device: DeviceProfile::Nvme, fs: Fs::Ext4 }
    }

    fn definition(&self) -> String {
        "1".into()
    }

    fn provide(&mut self, _: &mut Machine) -> Result<(), Flaw> {
        if self.oddity == Oddity::Lacks { Err(Flaw::Lacking("no package".into())) } else { Ok(()) }
    }

    fn prepare(&mut self, session: &mut Session) -> Result<(), Flaw> {
        let Place { device: profile, fs } = self.place();
        let device = Device { profile, fs, data_bytes: 8 << 20 };
        Ok(session.ask(SetupDevice { device })?)
    }

    fn run(&mut self, session: &mut Session, how: &How) -> Result<Outcome, Flaw> {
        match &mut self.oddity {
            Oddity::Fails => return Err(Flaw::Failed("the disk is full".into())),
            Oddity::Crashes(crashed) if !crashed.replace(true) => {
                let _ = session.ask(PowerOff);
            }
            _ => {}
        }
        let workload = Workload::SeqRead;
        let spec = WorkloadSpec { ops: 128, op_bytes: 64 << 10, ..workload.default_spec() };
        let course = Course::Pattern(spec);
        let run = session.ask(RunCourse { course, cached: how.cached, limit_ms: None })?;
        let mut outcome = outcome(run);
        if let Oddity::Lies(lies) = &mut self.oddity {
            *lies += 1;
            outcome.answer += &lies.to_string();
        }
        Ok(outcome)
    }

    fn needed_bytes(&self) -> Option<Vec<u64>> {
        Some(vec![8 << 20])
    }
}

/// Stops after so many runs.
struct After(Cell<u32>);

impl Progress for After {
    fn step(&self, text: &str) {
        raext_e2e::step(text);
    }

    fn run(&self, what: &str, left: Left) {
        println!("  {what}, {} left", left.runs);
        self.0.set(self.0.get().saturating_sub(1));
    }

    fn note(&self, text: &str) {
        println!("  {text}");
    }

    fn is_stopped(&self) -> bool {
        self.0.get() == 0
    }
}

fn contenders() -> Vec<Contender> {
    let object = raext_e2e::shipped("noop");
    let digest = digest(&fs::read(&object).unwrap());
    let policy = Policy { label: "noop".into(), digest, object, ..Policy::default() };
    vec![Contender::Kernel, Contender::Fixed(16), Contender::Fixed(2048), Contender::Policy(policy)]
}

fn open(path: &Path) -> FileStore {
    FileStore::open(path, Header::new("a kernel".into(), contenders())).unwrap()
}

/// Run the rows for so many runs; how many are left.
fn bench(store: &mut FileStore, rows: &[(&'static str, Oddity)], runs: u32) -> u64 {
    let work = |(name, oddity): &(&'static str, Oddity)| {
        Box::new(Small { name, oddity: oddity.clone() }) as Box<dyn Work>
    };
    let plan = Plan {
        works: rows.iter().map(work).collect(),
        contenders: contenders(),
        repeats: REPEATS,
        floor: true,
        attach: Attach::PerRun,
        slow: SlowRule::BENCH,
        boots: 2,
        kernel: raext_e2e::usual_kernel(),
        command: "a test".into(),
    };
    let (machines, progress) = (&mut MicroVms::default(), Rc::new(After(Cell::new(runs))));
    let mut experiment = Experiment { plan, store, machines, progress };
    experiment.run().unwrap();
    experiment.left().runs
}

/// Row, column and repeat of every run, in order.
fn runs(path: &Path) -> Vec<(String, String, u32)> {
    let lines = FileStore::read(path).unwrap();
    let run = |line: &Line| match line {
        Line::Run(run) => Some((run.row.clone(), run.column.clone(), run.repeat)),
        _ => None,
    };
    lines.iter().filter_map(run).collect()
}

fn a_bench_goes_on_where_it_was_and_flaws_stay_in_their_cells() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.jsonl");
    let rows = [
        ("sound", Oddity::None),
        ("lacking", Oddity::Lacks),
        ("failing", Oddity::Fails),
        ("crashing", Oddity::Crashes(Rc::new(Cell::new(false)))),
        ("lying", Oddity::Lies(0)),
    ];
    let mut first = open(&path);
    assert!(bench(&mut first, &rows, 5) > 0, "it was not interrupted");
    let before = runs(&path);
    drop(first);
    // Killed while it wrote.
    let mut text = fs::read(&path).unwrap();
    text.extend(b"{\"line\":\"run\",\"row\":\"sou");
    fs::write(&path, text).unwrap();

    let mut second = open(&path);
    assert_eq!(bench(&mut second, &rows, u32::MAX), 0);
    let all = runs(&path);
    assert_eq!(all[..before.len()], before);
    for name in ["sound", "crashing", "lying"] {
        let expected: Vec<_> =
            order(0, 4, true, REPEATS).map(|cell| (cell.key(&contenders()), cell.repeat)).collect();
        let id = format!("{name}@nvme/ext4");
        let own: Vec<_> =
            all.iter().filter(|run| run.0 == id).map(|run| (run.1.clone(), run.2)).collect();
        assert_eq!(own, expected, "{name}");
    }

    let known = second.known();
    let report = Report::of(known, SlowRule::BENCH, &[]);
    let flaw = |row: &str, column: usize| {
        let row = report.rows.iter().find(|known| known.row.name == row).unwrap();
        row.cells[column].flaw.clone().unwrap_or_default()
    };
    for column in 0..4 {
        assert_eq!(
            (flaw("sound", column), flaw("crashing", column)),
            (String::new(), String::new())
        );
        assert_eq!(flaw("lacking", column), "no package");
        assert_eq!(flaw("failing", column), "the disk is full");
        assert!(flaw("lying", column).contains("wrong answer"));
    }
    assert!(report.is_flawed());

    // The setting took effect: larger requests.
    let sound = &report.rows[0];
    let reads = |column: usize| sound.cells[column].device_reads;
    assert!(reads(2) < 0.8 * reads(0), "{:?}", sound.cells);
    assert!(sound.cells[3].decisions > 0.0 && sound.cells[0].decisions == 0.0);
    // Nothing was left set or attached: the kernel's second run is as its first.
    let kernel: Vec<_> =
        known.rows[0].outcomes("kernel").map(|(_, outcome)| outcome.device_reads).collect();
    assert!(kernel[0].abs_diff(kernel[1]) <= 8, "{kernel:?}");
    let cached: Vec<_> =
        known.rows[0].outcomes(CACHED).map(|(_, outcome)| outcome.device_bytes).collect();
    assert_eq!(cached, [0; 2], "bytes that the cached runs read from the device");
    assert!(sound.floor_ns.is_some() && sound.cells[0].floor.unwrap() > 1.0);
}

fn what_a_decision_costs_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store.jsonl"));
    let progress: Rc<dyn Progress> = Rc::new(After(Cell::new(u32::MAX)));
    let kernel = raext_e2e::usual_kernel();
    count_decisions(&contenders(), &kernel, &mut store, &progress).unwrap();
    let costs = store.known().costs.clone();
    for event in ["miss", "mark", "fault"] {
        let cost = costs.iter().find(|cost| cost.event == event).unwrap();
        let each = cost.instructions / cost.decisions;
        // An empty callback of Rust, with the two clock reads around it.
        assert!((20..5000).contains(&each), "{event}: {each}");
        println!("  noop, {event}: {each} instructions");
    }
    count_decisions(&contenders(), &kernel, &mut store, &progress).unwrap();
    assert_eq!(store.known().costs, costs);
    let lines = FileStore::read(&dir.path().join("store.jsonl")).unwrap();
    assert_eq!(lines.len(), 1 + costs.len());
}
