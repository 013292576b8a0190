// SPDX-License-Identifier: GPL-2.0-only
//! Rows of real software: the same answer under whatever policy, and a reason
//! where there is none.

use raext_e2e::{Guest, cases, guest_file, guest_path, shipped, step, stop_clean, usual_kernel};
use raext_kernel::Packages;
use raext_measure::experiment::{
    CUT, CUT_BLIND, Flaw, How, Limit, Outcome, Part, Place, Work as _,
};
use raext_measure::software::SoftwareRow;
use raext_model::{DeviceProfile, End, Fs, Lines, Output, Program, User};
use raext_vm::{Machine, Paths};
use std::collections::BTreeMap;
use std::rc::Rc;

cases! {
    rows_have_one_answer_and_say_what_is_wrong,
}

const COLD: How = How { cached: false, limit: None };
const CACHED: How = How { cached: true, limit: None };

fn row(name: &str) -> SoftwareRow {
    let place = Place { device: DeviceProfile::Nvme, fs: Fs::Ext4 };
    let cache = Paths::find().expect("the tests run in a checkout").cache();
    let packages = Packages::new(&cache, Rc::new(Lines(step))).expect("the cache has a path");
    SoftwareRow::new(name, place, &packages).unwrap_or_else(|error| panic!("{error}"))
}

/// Change something in the root or the data of the row that is prepared.
fn change(guest: &mut Guest, script: &str) {
    let program = Program {
        argv: ["sh", "-e", "-c", script].map(str::to_owned).to_vec(),
        env: [("PATH".to_owned(), "/usr/bin:/usr/sbin".to_owned())].into(),
        cwd: "/data".into(),
        user: User::default(),
        memory_max: None,
        output: Output::Send,
        input: false,
        deadline_ms: Some(60_000),
        leave_children: false,
    };
    let captured = guest.capture(program).unwrap();
    assert_eq!(captured.ran.end, End::Exit(0), "{captured:?}");
}

fn good(run: Result<Outcome, Flaw>) -> Outcome {
    let outcome = run.unwrap_or_else(|why| panic!("{why}"));
    println!("  {outcome:?}");
    outcome
}

fn rows_have_one_answer_and_say_what_is_wrong() {
    let mut rows = ["sqlite-points", "ripgrep", "tar-beside-reads"].map(row);
    let mut machine = Machine {
        kernel: usual_kernel(),
        objects: vec![guest_file(guest_path("wide"), shipped("wide"))],
        ..Machine::default()
    };
    for row in &mut rows {
        row.provide(&mut machine).unwrap_or_else(|why| panic!("{}: {why}", row.name()));
    }
    assert_eq!((machine.shares.len(), machine.disks.len()), (1, 3));
    let mut guest = Guest::start(machine);
    for row in &mut rows {
        row.prepare(&mut guest).unwrap_or_else(|why| panic!("{}: {why}", row.name()));
        let kernel = good(row.run(&mut guest, &COLD));
        assert!(kernel.device_bytes > 1 << 20 && kernel.decisions == 0, "{kernel:?}");
        guest.attach(&guest_path("wide"), &BTreeMap::new()).unwrap();
        let wide = good(row.run(&mut guest, &COLD));
        assert!(wide.decisions > 0, "{wide:?}");
        assert_eq!(wide.answer, kernel.answer);
        guest.detach().unwrap();
        // As in a bench: what a cold run's memory did not hold comes with the first one.
        good(row.run(&mut guest, &CACHED));
        let cached = good(row.run(&mut guest, &CACHED));
        assert!(cached.device_bytes < 1 << 16, "{cached:?}");
        assert_eq!(cached.answer, kernel.answer);
    }

    let [sqlite, ripgrep, backup] = &mut rows;
    // Both sides tell what they did until they were stopped.
    let part = |name: &str| Part { name: name.to_owned(), ns: 5_000_000, ops: 8 };
    let limit = Some(Limit { ms: 50, whole: vec![part("tar"), part("readers")] });
    let cut = good(backup.run(&mut guest, &How { cached: false, limit }));
    assert_eq!((&cut.answer[..], cut.parts.len()), (CUT, 2));
    // Of 96 MiB, and of 12,000 blocks.
    assert!(cut.parts[0].ops < (96 << 20) >> 12 && cut.parts[1].ops < 12_000, "{cut:?}");
    ripgrep.prepare(&mut guest).unwrap();
    // One line less.
    change(&mut guest, "rm -r runtime");
    let why = ripgrep.run(&mut guest, &COLD).unwrap_err().to_string();
    assert!(why.starts_with("wrong answer: the number of lines is "), "{why}");
    sqlite.prepare(&mut guest).unwrap();
    change(&mut guest, "sqlite3 data.db 'UPDATE t SET k = k + 1 WHERE id = 2'");
    let why = sqlite.run(&mut guest, &COLD).unwrap_err().to_string();
    assert!(why.starts_with("wrong answer: the query's result is "), "{why}");
    // A crash, and a program that is not there.
    change(&mut guest, "printf '#!/bin/sh\\nkill -SEGV $$\\n' > /usr/bin/sqlite3");
    let why = sqlite.run(&mut guest, &COLD).unwrap_err().to_string();
    assert!(why.contains("status 139") || why.contains("signal 11"), "{why}");
    change(&mut guest, "rm /usr/bin/sqlite3");
    let why = sqlite.run(&mut guest, &COLD).unwrap_err().to_string();
    assert!(why.contains("status 127"), "{why}");
    // One that is hopelessly slow is cut short, if it is a cold run.
    change(&mut guest, "printf '#!/bin/sh\\nexec sleep 100\\n' > /usr/bin/sqlite3");
    change(&mut guest, "chmod 755 /usr/bin/sqlite3");
    let whole = vec![Part { name: "query".into(), ns: 100_000_000, ops: 8 }];
    let limit = Some(Limit { ms: 600, whole });
    let cut = good(sqlite.run(&mut guest, &How { cached: false, limit }));
    assert_eq!((&cut.answer[..], cut.parts[0].ns, cut.parts[0].ops), (CUT_BLIND, 600_000_000, 8));
    // All is well again for the next one.
    sqlite.prepare(&mut guest).unwrap();
    good(sqlite.run(&mut guest, &COLD));
    stop_clean(guest);
}
