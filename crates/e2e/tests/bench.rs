// SPDX-License-Identifier: GPL-2.0-only
//! The benchmark in the microVM: interrupted and resumed, with a row that fails,
//! one that takes the machine down, and one whose answer is wrong.

use raext_measure::bench::{
    Bench, CACHED, Column, Header, Line, Outcome, Part, Place, Policy, Progress, Results, Row,
    Store, Summary, digest, order,
};
use raext_model::{Course, Device, DeviceProfile, Fs, Request, Workload, WorkloadSpec};
use raext_vm::{Engine, Setup};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

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

impl Row for Small {
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

    fn provide(&mut self, _: &mut Setup, _: &dyn Fn(&str)) -> Result<(), String> {
        if self.oddity == Oddity::Lacks { Err("no package".into()) } else { Ok(()) }
    }

    fn prepare(&mut self, engine: &mut Engine, step: &dyn Fn(&str)) -> Result<(), String> {
        let Place { device: profile, fs } = self.place();
        let device = Device { profile, fs, data_bytes: 8 << 20 };
        engine.set_up(device, step).map_err(|error| error.to_string())
    }

    fn run(&mut self, engine: &mut Engine, step: &dyn Fn(&str)) -> Result<Outcome, String> {
        match &mut self.oddity {
            Oddity::Fails => return Err("the disk is full".into()),
            Oddity::Crashes(crashed) if !crashed.replace(true) => {
                let _ = engine.ask(&Request::PowerOff, step);
            }
            _ => {}
        }
        self.read(engine, false, step)
    }

    fn run_cached(&mut self, engine: &mut Engine, step: &dyn Fn(&str)) -> Result<Outcome, String> {
        self.read(engine, true, step)
    }

    fn needed_bytes(&self) -> Option<Vec<u64>> {
        Some(vec![8 << 20])
    }
}

impl Small {
    fn read(
        &mut self,
        engine: &mut Engine,
        cached: bool,
        step: &dyn Fn(&str),
    ) -> Result<Outcome, String> {
        let workload = Workload::SeqRead;
        let spec = WorkloadSpec { ops: 128, op_bytes: 64 << 10, ..workload.default_spec() };
        let run = engine
            .run_course(Course::Pattern(spec), cached, None, step)
            .map_err(|error| error.to_string())?;
        let mut answer = run.checksum.to_string();
        if let Oddity::Lies(lies) = &mut self.oddity {
            *lies += 1;
            answer += &lies.to_string();
        }
        let part =
            |part: raext_model::CoursePart| Part { name: part.name, ns: part.ns, ops: part.ops };
        Ok(Outcome {
            parts: run.parts.into_iter().map(part).collect(),
            device_reads: run.device_reads,
            device_bytes: run.device_bytes,
            decisions: run.decisions,
            answer,
        })
    }
}

/// Stops after so many runs.
struct After(Cell<u32>);

impl Progress for After {
    fn step(&self, text: &str) {
        raext_e2e::step(text);
    }

    fn run(&self, what: &str, left: u64, _: u64) {
        println!("  {what}, {left} left");
        self.0.set(self.0.get().saturating_sub(1));
    }

    fn note(&self, text: &str) {
        println!("  {text}");
    }

    fn is_stopped(&self) -> bool {
        self.0.get() == 0
    }
}

fn columns() -> Vec<Column> {
    let object = raext_e2e::shipped("noop");
    let digest = digest(&fs::read(&object).unwrap());
    let policy = Policy { label: "noop".into(), set: [].into(), digest, object };
    vec![Column::Kernel, Column::Fixed(16), Column::Fixed(2048), Column::Policy(policy)]
}

fn bench(path: &Path, rows: &[(&'static str, Oddity)]) -> Bench {
    let columns = columns();
    let row = |(name, oddity): &(&'static str, Oddity)| {
        Box::new(Small { name, oddity: oddity.clone() }) as Box<dyn Row>
    };
    Bench {
        store: Store::open(path, Header::new("a kernel".into(), columns.clone())).unwrap(),
        columns,
        repeats: REPEATS,
        kernel: raext_e2e::usual_kernel(),
        command: "a test".into(),
        rows: rows.iter().map(row).collect(),
    }
}

/// Row, column and repeat of every run, in order.
fn runs(lines: &[Line]) -> Vec<(String, String, u32)> {
    let run = |line: &Line| match line {
        Line::Run(run) => Some((run.row.clone(), run.column.clone(), run.repeat)),
        _ => None,
    };
    lines.iter().filter_map(run).collect()
}

#[test]
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
    let mut first = bench(&path, &rows);
    first.measure(&After(Cell::new(5))).unwrap();
    let before = runs(first.store.lines());
    assert!(first.left().0 > 0, "it was not interrupted");
    drop(first);
    // Killed while it wrote.
    let mut text = fs::read(&path).unwrap();
    text.extend(b"{\"line\":\"run\",\"row\":\"sou");
    fs::write(&path, text).unwrap();

    let mut second = bench(&path, &rows);
    second.measure(&After(Cell::new(u32::MAX))).unwrap();
    assert_eq!(second.left().0, 0);
    let all = runs(second.store.lines());
    assert_eq!(all[..before.len()], before);
    for name in ["sound", "crashing", "lying"] {
        let expected: Vec<_> =
            order(4, REPEATS).map(|cell| (cell.key(&columns()), cell.repeat)).collect();
        let id = format!("{name}@nvme/ext4");
        let own: Vec<_> =
            all.iter().filter(|run| run.0 == id).map(|run| (run.1.clone(), run.2)).collect();
        assert_eq!(own, expected, "{name}");
    }

    let results = Results::of(second.store.lines()).unwrap();
    let summary = Summary::of(&results, &[]);
    let flaw = |row: &str, column: usize| {
        let row = summary.rows.iter().find(|known| known.row.name == row).unwrap();
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
    assert!(summary.is_flawed());

    // The setting took effect: larger requests.
    let sound = &summary.rows[0];
    let reads = |column: usize| sound.cells[column].device_reads;
    assert!(reads(2) < 0.8 * reads(0), "{:?}", sound.cells);
    assert!(sound.cells[3].decisions > 0.0 && sound.cells[0].decisions == 0.0);
    // Nothing was left set or attached: the kernel's second run is as its first.
    let kernel: Vec<_> =
        results.rows[0].outcomes("kernel").map(|(_, outcome)| outcome.device_reads).collect();
    assert!(kernel[0].abs_diff(kernel[1]) <= 8, "{kernel:?}");
    let cached = results.rows[0].outcomes(CACHED).map(|(_, outcome)| outcome.device_bytes);
    assert!(cached.max().unwrap() == 0, "the cached run read from the device");
    assert!(sound.floor_ns.is_some() && sound.cells[0].floor.unwrap() > 1.0);
}

#[test]
fn what_a_decision_costs_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = bench(&dir.path().join("store.jsonl"), &[]);
    let progress = After(Cell::new(u32::MAX));
    bench.measure_costs(&progress).unwrap();
    let costs = bench.results().costs;
    for event in ["miss", "mark", "fault"] {
        let cost = costs.iter().find(|cost| cost.event == event).unwrap();
        let each = cost.instructions / cost.decisions;
        // An empty callback of Rust, with the two clock reads around it.
        assert!((20..5000).contains(&each), "{event}: {each}");
        println!("  noop, {event}: {each} instructions");
    }
    let lines = bench.store.lines().len();
    bench.measure_costs(&progress).unwrap();
    assert_eq!(bench.store.lines().len(), lines);
}
