// SPDX-License-Identifier: GPL-2.0-only
//! From runs to a table, without a machine.

use crate::experiment::*;
use crate::report::{Html, Json, Render as _, Report, Terminal, View};
use raext_model::{DeviceProfile, Fs};

const MS: u64 = 1_000_000;

fn policy(label: &str, digest: &str) -> Contender {
    Contender::Policy(Policy {
        label: label.into(),
        set: [].into(),
        digest: digest.into(),
        object: "x".into(),
        read_ahead_kb: None,
    })
}

fn columns() -> Vec<Contender> {
    vec![Contender::Kernel, Contender::Fixed(0), Contender::Fixed(512), policy("auto", "1")]
}

fn open() -> MemoryStore {
    MemoryStore::new(Header::new("6.12".into(), columns()))
}

fn row(name: &str) -> WorkLine {
    WorkLine {
        row: format!("{name}@disk/ext4"),
        name: name.into(),
        describe: "a row".into(),
        place: Place { device: DeviceProfile::Disk, fs: Fs::Ext4 },
        definition: "one".into(),
        needed: Some(vec![15_000_000]),
        pattern: None,
    }
}

fn outcome(ns: u64, answer: &str) -> Outcome {
    Outcome {
        parts: vec![Part { name: "all".into(), ns, ops: 10 }],
        device_reads: 1,
        device_bytes: 15_000_000,
        decisions: 0,
        answer: answer.into(),
        ..Outcome::default()
    }
}

/// What a machine would say.
fn measured(row: &str, cell: Cell) -> Result<Outcome, Flaw> {
    let ms = match (row, cell.contender) {
        (_, None) => 20,
        // Hopeless, and cut short.
        ("slow@disk/ext4", Some(1)) => return Ok(outcome(60_000 * MS, CUT)),
        ("slow@disk/ext4", Some(2)) => return Ok(outcome(2400 * MS, CUT_BLIND)),
        ("slow@disk/ext4", Some(3)) => return Err(Flaw::Failed("it died".into())),
        (_, Some(0)) => 400 + 10 * u64::from(cell.repeat),
        (_, Some(1)) => 780 + 20 * u64::from(cell.repeat),
        (_, Some(2)) => 195 + 5 * u64::from(cell.repeat),
        // Once slower than the kernel, twice faster.
        (_, _) => [420, 390, 395][cell.repeat as usize % 3],
    };
    Ok(outcome(ms * MS, "right"))
}

fn begin(store: &mut MemoryStore, work: WorkLine) {
    store.append(Line::Row(work)).unwrap();
}

/// Take what a machine would say, as a bench takes it.
fn measure(store: &mut MemoryStore, repeats: u32) {
    for name in ["quick", "slow"] {
        begin(store, row(name));
        let id = row(name).row;
        for cell in order(0, columns().len(), true, repeats) {
            let (column, known) = (cell.key(&columns()), store.known().work(&id).unwrap());
            if known.failure(&column).is_some() || SlowRule::BENCH.is_over(known, &column) {
                continue;
            }
            let (row, result) = (id.clone(), measured(&id, cell));
            let run = RunLine { row, column, repeat: cell.repeat, took_ms: 7, result };
            store.append(Line::Run(run)).unwrap();
        }
    }
}

fn report(store: &MemoryStore) -> Report<'_> {
    Report::of(store.known(), SlowRule::BENCH, &[])
}

fn table(store: &MemoryStore) -> String {
    Terminal(View::Bench).render(&report(store))
}

#[test]
fn what_is_too_slow_is_measured_once_and_cut_short() {
    let mut store = open();
    measure(&mut store, 3);
    let known = store.known();
    let of = |work: usize, column: &str| known.rows[work].runs[column].len();
    assert_eq!((of(0, "fixed 0"), of(1, "fixed 0")), (3, 1));
    assert_eq!((of(1, "policy auto"), of(1, CACHED)), (1, 3));
    let report = report(&store);
    assert!(report.rows[1].cells[1].once && !report.rows[0].cells[1].once);
    // Cut short is not wrong.
    assert_eq!(report.rows[1].cells[1].flaw, None);
    // The slowest of the kernel's own, which are never cut short.
    let limit = |key: &str| SlowRule::BENCH.limit(&known.rows[0], key);
    let own = limit("policy auto").unwrap();
    assert_eq!((own.ms, own.whole[0].ns), (6 * 420, 420 * MS));
    assert_eq!((limit("kernel"), limit(CACHED)), (None, None));
}

#[test]
fn the_best_fixed_is_the_quickest_and_noise_is_marked() {
    let mut store = open();
    measure(&mut store, 3);
    let report = report(&store);
    let quick = &report.rows[0];
    assert_eq!(quick.best, Some(2));
    let best = quick.cells[2].kernel.unwrap();
    assert!((best.median - 2.05).abs() < 1e-9 && !best.noise, "{best:?}");
    let auto = &quick.cells[3];
    assert!(auto.kernel.unwrap().noise);
    assert!((auto.best.unwrap().median - 200.0 / 390.0).abs() < 1e-9);
    assert!(!auto.best.unwrap().noise);
    // One repeat shows no difference below a factor of two.
    let mut once = open();
    measure(&mut once, 1);
    let once = self::report(&once);
    assert!(once.rows[0].cells[1].kernel.unwrap().noise);
}

#[test]
fn the_floor_is_the_larger_of_cache_and_device_and_a_latency() {
    let mut store = open();
    measure(&mut store, 3);
    let of = |store: &MemoryStore| {
        let row = &report(store).rows[0];
        row.floor_ns.unwrap() * row.ops / MS as f64
    };
    // 15 MB at 150 MB/s, and 5 ms.
    assert!((of(&store) - 105.0).abs() < 1e-6, "{}", of(&store));
    let kernel = report(&store).rows[0].cells[0].floor.unwrap();
    assert!((kernel - 410.0 / 105.0).abs() < 1e-9);
    // Where the row does not know, the least that was read; the cache is slower here.
    let mut other = open();
    begin(&mut other, WorkLine { needed: None, ..row("quick") });
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
    let mut store = open();
    let times = [("quick", [400, 800, 200, 100]), ("other", [400, 100, 200, 800])];
    for (name, ms) in times {
        begin(&mut store, row(name));
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
    let standing = report(&store).policies[0].clone();
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
    let mut store = open();
    measure(&mut store, 1);
    assert!(report(&store).is_flawed());
    let died = report(&store).rows[1].cells[3].flaw.clone().unwrap();
    assert_eq!(died, "it died");
    store.append(Line::Again { row: row("quick").row }).unwrap();
    begin(&mut store, row("quick"));
    for (column, answer) in [("kernel", "right"), ("fixed 512", "wrong"), ("policy auto", "right")]
    {
        let (row, column) = (row("quick").row, column.to_owned());
        let result = Ok(outcome(100 * MS, answer));
        store.append(Line::Run(RunLine { row, column, repeat: 0, took_ms: 1, result })).unwrap();
    }
    let report = report(&store);
    let row = &report.rows[0];
    assert!(row.cells[2].flaw.as_ref().unwrap().contains("wrong answer"));
    // The wrong one is quickest, and still not the best.
    assert_eq!((row.best, row.cells[2].kernel.is_none()), (None, true));
    assert_eq!(report.policies[0].missing, 1);
    let text = table(&store);
    for expected in ["FLAW: slow@disk/ext4 with auto: it died", "512 KiB: wrong answer"] {
        assert!(text.contains(expected), "no '{expected}' in\n{text}");
    }
}

#[test]
fn every_mark_is_explained_and_lines_are_short() {
    let mut store = open();
    measure(&mut store, 3);
    let cost = CostLine {
        policy: "auto".into(),
        event: "miss".into(),
        decisions: 10,
        instructions: 12_900,
    };
    store.append(Line::Cost(cost)).unwrap();
    let text = table(&store);
    for expected in [
        "~ within noise",
        "* one run only",
        "2.05x",
        "105 ms",
        "3.90x",
        "1290",
        "<0.17x*",
        "< stopped early",
    ] {
        assert!(text.contains(expected), "no '{expected}' in\n{text}");
    }
    let some = Report::of(store.known(), SlowRule::BENCH, &[row("slow").row]);
    assert_eq!(some.rows.len(), 1);
    let page = Html(View::Bench).render(&report(&store));
    for foreign in ["http:", "https:", "src=", "@import", "url(", "<link", "<script"] {
        assert!(!page.contains(foreign), "the page refers to something by {foreign}");
    }
    assert!(page.contains("class=\"up best\"") && page.contains("class=\"down\""), "{page}");
    assert!(page.contains("it died") && page.contains("1290") && page.matches("<svg").count() == 2);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    let json = Json(View::Bench).render(&report(&store));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["summary"]["rows"][0]["best"], 2);
}

#[test]
fn the_default_beside_itself_tells_what_the_marks_are_worth() {
    let fixed = [Contender::Fixed(DEFAULT_KB), Contender::Fixed(512)];
    let columns = [&[Contender::Kernel][..], &fixed, &[policy("auto", "1")]].concat();
    let header = Header::new("6.12".into(), columns);
    let mut store = MemoryStore::new(header);
    // In one row the second column is always a little quicker, less than a column's own
    // runs differ by; in the other by much more.
    let times = [
        ("little", [[100, 104, 108], [97, 101, 105], [99, 103, 107], [96, 100, 104]]),
        ("much", [[100, 104, 108], [80, 83, 86], [99, 103, 107], [96, 100, 104]]),
    ];
    for (name, columns) in times {
        begin(&mut store, row(name));
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
    let report = report(&store);
    let little = report.rows[0].cells[1].kernel.unwrap();
    assert!(little.range.0 > 1.0 && little.noise && little.band > Some(1.03), "{little:?}");
    let control = report.control.unwrap();
    assert_eq!((control.rows, control.told, control.agreed), (2, 1, 2));
    assert!((control.range.1 - 1.25).abs() < 0.01, "{control:?}");
    let text = table(&store);
    assert!(text.contains("shown in 1 of 2 rows, and all repeats agree on one in 2"), "{text}");
    // The quickest of several has a wider bound.
    assert!(report.rows[0].cells[3].best.unwrap().band > little.band);
}
