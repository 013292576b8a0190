// SPDX-License-Identifier: GPL-2.0-only
//! The guard: a policy that wastes loses its place to the kernel's own readahead,
//! one that does not keeps it, and what was tripped stays so.

use raext_e2e::{boot, guest_path, step, stop_clean, table};
use raext_model::{Device, DeviceProfile, Fs, Placement, Workload};
use raext_vm::Engine;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn number(engine: &mut Engine, column: &str) -> u64 {
    let rows = table(engine, "policies");
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0][column].parse().unwrap()
}

fn attach(engine: &mut Engine, percent: u32) {
    let placement = Placement { guard_percent: percent, ..Placement::default() };
    engine.attach_at(&guest_path("wide"), &BTreeMap::new(), placement, &step).unwrap();
}

#[test]
fn a_wasteful_policy_is_put_aside_and_a_thrifty_one_is_not() {
    let cat = [PathBuf::from("/bin/cat")];
    let mut engine = boot(&["wide"], vec![], &cat);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 256 << 20 };
    engine.set_up(device, &step).unwrap();
    let random = Workload::MmapRandom.default_spec();
    let sequential = Workload::SeqRead.default_spec();
    let kernel = engine.run(random, &step).unwrap();

    // 4 MiB around each random page. What is unused is known when the cache is
    // dropped, before the next run.
    attach(&mut engine, 50);
    let first = engine.run(random, &step).unwrap();
    assert!(first.device_bytes > 4 * kernel.device_bytes, "{first:?}");
    let mut runs = 1;
    while number(&mut engine, "tripped") == 0 {
        assert!(runs < 10, "10 wasteful runs, and the guard sleeps");
        engine.run(random, &step).unwrap();
        runs += 1;
    }
    assert!(number(&mut engine, "unused") > number(&mut engine, "used"));
    // The kernel's own readahead is back, and stays, whatever is read.
    for spec in [random, sequential, random] {
        let after = engine.run(spec, &step).unwrap();
        assert_eq!(after.decisions, 0, "asked after the guard tripped: {after:?}");
        assert_eq!(number(&mut engine, "tripped"), 1, "it flaps");
        if spec == random {
            assert_eq!(after.checksum, kernel.checksum);
            assert!(after.device_bytes < 2 * kernel.device_bytes, "{after:?}");
        }
    }
    engine.detach(&step).unwrap();

    // The same policy, used as it is meant to be.
    attach(&mut engine, 50);
    for _ in 0..4 {
        let sample = engine.run(sequential, &step).unwrap();
        assert!(sample.decisions > 0, "{sample:?}");
    }
    assert_eq!(number(&mut engine, "tripped"), 0);
    // Each run ends in the middle of a window.
    assert!(number(&mut engine, "used") > number(&mut engine, "unused"));
    engine.detach(&step).unwrap();
    stop_clean(engine);
}

#[test]
fn without_a_guard_nothing_is_counted_and_nothing_trips() {
    let cat = [PathBuf::from("/bin/cat")];
    let mut engine = boot(&["wide"], vec![], &cat);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 64 << 20 };
    engine.set_up(device, &step).unwrap();
    attach(&mut engine, 0);
    for _ in 0..3 {
        engine.run(Workload::MmapRandom.default_spec(), &step).unwrap();
    }
    for column in ["guard", "used", "unused", "tripped"] {
        assert_eq!(number(&mut engine, column), 0, "{column}");
    }
    engine.detach(&step).unwrap();
    stop_clean(engine);
}
