// SPDX-License-Identifier: GPL-2.0-only
//! The guard: a policy that wastes loses its place to the kernel's own readahead,
//! one that does not keeps it, and what was tripped stays so.

use raext_e2e::{Guest, boot, cases, guest_path, stop_clean, table};
use raext_model::{Device, DeviceProfile, Fs, Placement, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    a_wasteful_policy_is_put_aside_and_a_thrifty_one_is_not,
    without_a_guard_nothing_is_counted_and_nothing_trips,
}

fn number(guest: &mut Guest, column: &str) -> u64 {
    let rows = table(guest, "policies");
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0][column].parse().unwrap()
}

fn attach(guest: &mut Guest, percent: u32) {
    let placement = Placement { guard_percent: percent, ..Placement::default() };
    guest.attach_at(&guest_path("wide"), &BTreeMap::new(), placement).unwrap();
}

fn a_wasteful_policy_is_put_aside_and_a_thrifty_one_is_not() {
    let cat = [PathBuf::from("/bin/cat")];
    let mut guest = boot(&["wide"], vec![], &cat);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 256 << 20 };
    guest.set_up(device).unwrap();
    let random = Workload::MmapRandom.default_spec();
    let sequential = Workload::SeqRead.default_spec();
    let kernel = guest.run(random).unwrap();

    // 4 MiB around each random page. What is unused is known when the cache is
    // dropped, before the next run.
    attach(&mut guest, 50);
    let first = guest.run(random).unwrap();
    assert!(first.device_bytes > 4 * kernel.device_bytes, "{first:?}");
    let mut runs = 1;
    while number(&mut guest, "tripped") == 0 {
        assert!(runs < 10, "10 wasteful runs, and the guard sleeps");
        guest.run(random).unwrap();
        runs += 1;
    }
    assert!(number(&mut guest, "unused") > number(&mut guest, "used"));
    // The kernel's own readahead is back, and stays, whatever is read.
    for spec in [random, sequential, random] {
        let after = guest.run(spec).unwrap();
        assert_eq!(after.decisions, 0, "asked after the guard tripped: {after:?}");
        assert_eq!(number(&mut guest, "tripped"), 1, "it flaps");
        if spec == random {
            assert_eq!(after.checksum, kernel.checksum);
            assert!(after.device_bytes < 2 * kernel.device_bytes, "{after:?}");
        }
    }
    guest.detach().unwrap();

    // The same policy, used as it is meant to be.
    attach(&mut guest, 50);
    for _ in 0..4 {
        let sample = guest.run(sequential).unwrap();
        assert!(sample.decisions > 0, "{sample:?}");
    }
    assert_eq!(number(&mut guest, "tripped"), 0);
    // Each run ends in the middle of a window.
    assert!(number(&mut guest, "used") > number(&mut guest, "unused"));
    guest.detach().unwrap();
    stop_clean(guest);
}

fn without_a_guard_nothing_is_counted_and_nothing_trips() {
    let cat = [PathBuf::from("/bin/cat")];
    let mut guest = boot(&["wide"], vec![], &cat);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 64 << 20 };
    guest.set_up(device).unwrap();
    attach(&mut guest, 0);
    for _ in 0..3 {
        guest.run(Workload::MmapRandom.default_spec()).unwrap();
    }
    for column in ["guard", "used", "unused", "tripped"] {
        assert_eq!(number(&mut guest, column), 0, "{column}");
    }
    guest.detach().unwrap();
    stop_clean(guest);
}
