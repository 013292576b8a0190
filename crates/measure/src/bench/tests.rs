// SPDX-License-Identifier: GPL-2.0-only
//! From runs to a table, without a machine.

use crate::bench::*;
use raext_model::{DeviceProfile, Fs};
use std::fs;
use std::path::Path;

const MS: u64 = 1_000_000;

fn policy(label: &str, digest: &str) -> Column {
    Column::Policy(Policy {
        label: label.into(),
        set: [].into(),
        digest: digest.into(),
        object: "x".into(),
    })
}

fn columns() -> Vec<Column> {
    vec![Column::Kernel, Column::Fixed(0), Column::Fixed(512), policy("auto", "1")]
}

fn open(path: &Path) -> Store {
    Store::open(path, Header::new("6.12".into(), columns())).unwrap()
}

fn row(name: &str) -> RowLine {
    RowLine {
        row: format!("{name}@disk/ext4"),
        name: name.into(),
        describe: "a row".into(),
        place: Place { device: DeviceProfile::Disk, fs: Fs::Ext4 },
        definition: "one".into(),
        needed: Some(vec![15_000_000]),
    }
}

fn outcome(ns: u64, answer: &str) -> Outcome {
    Outcome {
        parts: vec![Part { name: "all".into(), ns, ops: 10 }],
        device_reads: 1,
        device_bytes: 15_000_000,
        decisions: 0,
        answer: answer.into(),
    }
}

/// What a machine would say.
fn measured(row: &str, cell: Cell) -> Result<Outcome, String> {
    let ms = match (row, cell.column) {
        (_, None) => 20,
        // Hopeless, and cut short.
        ("slow@disk/ext4", Some(1)) => return Ok(outcome(60_000 * MS, CUT)),
        ("slow@disk/ext4", Some(2)) => return Ok(outcome(2400 * MS, CUT_BLIND)),
        ("slow@disk/ext4", Some(3)) => return Err("it died".into()),
        (_, Some(0)) => 400 + 10 * u64::from(cell.repeat),
        (_, Some(1)) => 780 + 20 * u64::from(cell.repeat),
        (_, Some(2)) => 195 + 5 * u64::from(cell.repeat),
        // Once slower than the kernel, twice faster.
        (_, _) => [420, 390, 395][cell.repeat as usize % 3],
    };
    Ok(outcome(ms * MS, "right"))
}

/// Measure until so many runs are made; whether there are more.
fn measure(store: &mut Store, repeats: u32, mut runs: usize) -> bool {
    for name in ["quick", "slow"] {
        store.define(row(name)).unwrap();
        let id = row(name).row;
        loop {
            let results = Results::of(store.lines()).unwrap();
            let known = results.row(&id).unwrap();
            let mut cells = order(columns().len(), repeats);
            let Some(cell) = cells.find(|cell| known.is_pending(&columns(), *cell)) else { break };
            if runs == 0 {
                return true;
            }
            runs -= 1;
            let run = RunLine {
                row: id.clone(),
                column: cell.key(&columns()),
                repeat: cell.repeat,
                took_ms: 7,
                result: measured(&id, cell),
            };
            store.append(Line::Run(run)).unwrap();
        }
    }
    false
}

fn summary(store: &Store) -> Summary {
    Summary::of(&Results::of(store.lines()).unwrap(), &[])
}

#[test]
fn a_bench_that_is_interrupted_anywhere_is_the_same_as_one_that_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    assert!(!measure(&mut open(&whole), 3, usize::MAX));
    let whole = fs::read_to_string(whole).unwrap();
    for every in [1, 2, 7] {
        let path = dir.path().join(format!("every{every}"));
        while measure(&mut open(&path), 3, every) {
            // Killed in the middle of a line, too.
            let mut text = fs::read(&path).unwrap();
            text.extend(b"{\"line\":\"run\",\"row\":\"qui");
            fs::write(&path, text).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), whole, "interrupted each {every} runs");
    }
}

#[test]
fn nothing_is_measured_twice_and_what_is_hopeless_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    measure(&mut store, 3, usize::MAX);
    let mut runs: Vec<_> = store
        .lines()
        .iter()
        .filter_map(|line| match line {
            Line::Run(run) => Some((&run.row[..4], &run.column[..], run.repeat)),
            _ => None,
        })
        .collect();
    let all = runs.len();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), all);
    let of = |row, column: &str| runs.iter().filter(|run| (run.0, run.1) == (row, column)).count();
    assert_eq!((of("quic", "fixed 0"), of("slow", "fixed 0")), (3, 1));
    assert_eq!((of("slow", "policy auto"), of("slow", CACHED)), (1, 3));
    let summary = summary(&store);
    assert!(summary.rows[1].cells[1].once && !summary.rows[0].cells[1].once);
    // Cut short is not wrong.
    assert_eq!(summary.rows[1].cells[1].flaw, None);
    let results = Results::of(store.lines()).unwrap();
    // The slowest of the kernel's own, which are never cut short.
    let limit = results.rows[0].limit("policy auto").unwrap();
    assert_eq!((limit.ms, limit.whole[0].ns), (6 * 420, 420 * MS));
    assert_eq!((results.rows[0].limit("kernel"), results.rows[0].limit(CACHED)), (None, None));
}

#[test]
fn everyone_comes_first_once() {
    let firsts: Vec<_> =
        order(2, 3).collect::<Vec<_>>().chunks(3).map(|repeat| repeat[0].column).collect();
    assert_eq!(firsts, [Some(0), Some(1), None]);
}

#[test]
fn another_bench_is_refused_with_the_difference() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(open(&path));
    let refused = |header: Header| Store::open(&path, header).unwrap_err().to_string();
    let kernel = refused(Header::new("6.18".into(), columns()));
    assert!(kernel.contains("6.18") && kernel.contains("--fresh"), "{kernel}");
    let fewer = refused(Header::new("6.12".into(), columns()[..3].to_vec()));
    assert!(fewer.contains("kernel, 0 KiB, 512 KiB, auto"), "{fewer}");
    let mut changed = columns();
    changed[3] = policy("auto", "2");
    let changed = refused(Header::new("6.12".into(), changed));
    assert!(changed.contains("the policy auto is not the one"), "{changed}");
    // Where an object file lies is of no interest.
    let mut moved = columns();
    if let Column::Policy(policy) = &mut moved[3] {
        policy.object = "elsewhere".into();
    }
    let mut store = Store::open(&path, Header::new("6.12".into(), moved)).unwrap();
    assert!(matches!(
        Store::open(&path, Header::new("6.12".into(), columns())),
        Err(BenchError::InUse(_))
    ));
    store.define(row("quick")).unwrap();
    store.define(row("quick")).unwrap();
    let other = RowLine { definition: "two".into(), ..row("quick") };
    assert!(store.define(other.clone()).unwrap_err().to_string().contains("quick"));
    store.append(Line::Again { row: other.row.clone() }).unwrap();
    store.define(other).unwrap();
}

#[test]
fn a_torn_line_is_dropped_and_a_bad_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    open(&path).append(Line::Row(row("quick"))).unwrap();
    let sound = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{sound}{{\"line\":\"aga")).unwrap();
    assert_eq!(Store::read(&path).unwrap().len(), 2);
    let mut store = open(&path);
    assert_eq!(store.lines().len(), 2);
    store.append(Line::Again { row: "x".into() }).unwrap();
    drop(store);
    assert_eq!(open(&path).lines().len(), 3);
    fs::write(&path, format!("{sound}{{\"line\":\"aga\n{sound}")).unwrap();
    let error = Store::open(&path, Header::new("6.12".into(), columns())).unwrap_err();
    assert!(matches!(error, BenchError::BadLine { number: 3, .. }), "{error}");
}

#[test]
fn a_row_that_is_measured_again_forgets_what_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    measure(&mut store, 1, usize::MAX);
    let before = Results::of(store.lines()).unwrap();
    store.append(Line::Again { row: row("quick").row }).unwrap();
    let after = Results::of(store.lines()).unwrap();
    assert!(after.rows[0].runs.is_empty());
    assert_eq!(after.rows[1], before.rows[1]);
    assert!(!measure(&mut store, 1, usize::MAX));
    assert_eq!(Results::of(store.lines()).unwrap(), before);
}

#[test]
fn the_best_fixed_is_the_quickest_and_noise_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    measure(&mut store, 3, usize::MAX);
    let summary = summary(&store);
    let quick = &summary.rows[0];
    assert_eq!(quick.best, Some(2));
    let best = quick.cells[2].kernel.unwrap();
    assert!((best.median - 2.05).abs() < 1e-9 && !best.noise, "{best:?}");
    let auto = &quick.cells[3];
    assert!(auto.kernel.unwrap().noise);
    assert!((auto.best.unwrap().median - 200.0 / 390.0).abs() < 1e-9);
    assert!(!auto.best.unwrap().noise);
    // One repeat tells no difference below a factor of two.
    let mut once = open(&dir.path().join("once"));
    measure(&mut once, 1, usize::MAX);
    let once = self::summary(&once);
    assert!(once.rows[0].cells[1].kernel.unwrap().noise);
}

#[test]
fn the_floor_is_the_larger_of_cache_and_device_and_a_latency() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    measure(&mut store, 3, usize::MAX);
    let of = |store: &Store| {
        let row = &summary(store).rows[0];
        row.floor_ns.unwrap() * row.ops / MS as f64
    };
    // 15 MB at 150 MB/s, and 5 ms.
    assert!((of(&store) - 105.0).abs() < 1e-6, "{}", of(&store));
    let kernel = summary(&store).rows[0].cells[0].floor.unwrap();
    assert!((kernel - 410.0 / 105.0).abs() < 1e-9);
    // Where the row does not know, the least that was read; the cache is slower here.
    let mut other = open(&dir.path().join("other"));
    other.define(RowLine { needed: None, ..row("quick") }).unwrap();
    for (column, ms, bytes, answer) in [
        ("kernel", 400, 3_000_000, "right"),
        ("fixed 0", 800, 1_500_000, "right"),
        // What was cut short has not read all.
        ("fixed 512", 2400, 1000, CUT_BLIND),
        (CACHED, 20, 0, "right"),
    ] {
        let outcome = Outcome { device_bytes: bytes, ..outcome(ms * MS, answer) };
        let run = RunLine {
            row: row("quick").row,
            column: column.into(),
            repeat: 0,
            took_ms: 1,
            result: Ok(outcome),
        };
        other.append(Line::Run(run)).unwrap();
    }
    assert!((of(&other) - 25.0).abs() < 1e-6, "{}", of(&other));
}

#[test]
fn over_all_rows_there_is_a_mean_and_a_worst_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    let times = [("quick", [400, 800, 200, 100]), ("other", [400, 100, 200, 800])];
    for (name, ms) in times {
        store.define(row(name)).unwrap();
        for (column, ms) in columns().iter().zip(ms) {
            for repeat in 0..3 {
                let result = Ok(outcome(ms * MS, "right"));
                let (row, column) = (row(name).row, column.key());
                store
                    .append(Line::Run(RunLine { row, column, repeat, took_ms: 1, result }))
                    .unwrap();
            }
        }
    }
    let standing = summary(&store).policies[0].clone();
    let kernel = standing.kernel.unwrap();
    assert!((kernel.mean - 2_f64.sqrt()).abs() < 1e-9, "{kernel:?}");
    assert_eq!((kernel.worst, &kernel.worst_row[..]), (0.5, "other@disk/ext4"));
    assert_eq!((kernel.faster, kernel.same, kernel.slower), (1, 0, 1));
    // 200 ms, and 100 ms: each row has its own best.
    let best = standing.best.unwrap();
    assert!((best.mean - 0.5).abs() < 1e-9 && best.worst == 0.125, "{best:?}");
}

#[test]
fn a_wrong_answer_and_a_failure_are_flaws_and_in_no_mean() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    measure(&mut store, 1, usize::MAX);
    assert!(summary(&store).is_flawed());
    let died = summary(&store).rows[1].cells[3].flaw.clone().unwrap();
    assert_eq!(died, "it died");
    store.append(Line::Again { row: row("quick").row }).unwrap();
    store.define(row("quick")).unwrap();
    for (column, answer) in [("kernel", "right"), ("fixed 512", "wrong"), ("policy auto", "right")]
    {
        let (row, column) = (row("quick").row, column.to_owned());
        let result = Ok(outcome(100 * MS, answer));
        store.append(Line::Run(RunLine { row, column, repeat: 0, took_ms: 1, result })).unwrap();
    }
    let summary = summary(&store);
    let row = &summary.rows[0];
    assert!(row.cells[2].flaw.as_ref().unwrap().contains("wrong answer"));
    // The wrong one is quickest, and still not the best.
    assert_eq!((row.best, row.cells[2].kernel.is_none()), (None, true));
    assert_eq!(summary.policies[0].missing, 1);
    let text = table(&Results::of(store.lines()).unwrap(), &summary);
    for expected in ["FLAW: slow@disk/ext4 with auto: it died", "512 KiB: wrong answer"] {
        assert!(text.contains(expected), "no '{expected}' in\n{text}");
    }
}

#[test]
fn every_mark_is_explained_and_lines_are_short() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("store"));
    measure(&mut store, 3, usize::MAX);
    let cost = CostLine {
        policy: "auto".into(),
        event: "miss".into(),
        decisions: 10,
        instructions: 12_900,
    };
    store.append(Line::Cost(cost)).unwrap();
    let results = Results::of(store.lines()).unwrap();
    let text = table(&results, &Summary::of(&results, &[]));
    for expected in [
        "~ within noise",
        "* measured once",
        "2.05x",
        "105 ms",
        "3.90x",
        "1290",
        "<0.17x*",
        "< cut",
    ] {
        assert!(text.contains(expected), "no '{expected}' in\n{text}");
    }
    let some = Summary::of(&results, &[row("slow").row]);
    assert_eq!(some.rows.len(), 1);
    let page = html(&results, &Summary::of(&results, &[]));
    for foreign in ["http:", "https:", "src=", "@import", "url(", "<link", "<script"] {
        assert!(!page.contains(foreign), "the page refers to something by {foreign}");
    }
    assert!(page.contains("class=\"up best\"") && page.contains("class=\"down\""), "{page}");
    assert!(page.contains("it died") && page.contains("1290") && page.matches("<svg").count() == 2);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    let json: serde_json::Value =
        serde_json::from_str(&json(&results, &Summary::of(&results, &[])).unwrap()).unwrap();
    assert_eq!(json["summary"]["rows"][0]["best"], 2);
}

#[test]
fn the_default_beside_itself_tells_what_the_marks_are_worth() {
    let dir = tempfile::tempdir().unwrap();
    let fixed = [Column::Fixed(DEFAULT_KB), Column::Fixed(512)];
    let columns = [&[Column::Kernel][..], &fixed, &[policy("auto", "1")]].concat();
    let header = Header::new("6.12".into(), columns);
    let mut store = Store::open(&dir.path().join("store"), header).unwrap();
    // In one row the second column is always a little quicker, less than a column's own
    // runs differ by; in the other by much more.
    let times = [
        ("little", [[100, 104, 108], [97, 101, 105], [99, 103, 107], [96, 100, 104]]),
        ("much", [[100, 104, 108], [80, 83, 86], [99, 103, 107], [96, 100, 104]]),
    ];
    for (name, columns) in times {
        store.define(row(name)).unwrap();
        let keys = ["kernel", "fixed 128", "fixed 512", "policy auto"];
        for (column, times) in keys.into_iter().zip(columns) {
            for (repeat, ms) in (0..).zip(times) {
                let result = Ok(outcome(ms * MS, "right"));
                let (row, column) = (row(name).row, column.to_owned());
                let run = RunLine { row, column, repeat, took_ms: 7, result };
                store.append(Line::Run(run)).unwrap();
            }
        }
    }
    let summary = summary(&store);
    let little = summary.rows[0].cells[1].kernel.unwrap();
    assert!(little.range.0 > 1.0 && little.noise && little.band > Some(1.03), "{little:?}");
    let control = summary.control.unwrap();
    assert_eq!((control.rows, control.told, control.agreed), (2, 1, 2));
    assert!((control.range.1 - 1.25).abs() < 0.01, "{control:?}");
    let text = table(&Results::of(store.lines()).unwrap(), &summary);
    assert!(text.contains("told\napart in 1 of 2 rows (the repeats agree in 2)"), "{text}");
    // Whoever was chosen for being the quickest is held to more.
    assert!(summary.rows[0].cells[3].best.unwrap().band > little.band);
}
