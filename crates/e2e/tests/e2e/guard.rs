// SPDX-License-Identifier: GPL-2.0-only
//! The guard: a policy that wastes loses its place to the kernel's own readahead,
//! one that does not keeps it, and what was tripped stays so.

use raext_e2e::requests::{GroupRun, Step};
use raext_e2e::{
    Guest, accepted, boot, boot_counted, cases, guest_file, guest_path, step, stop_clean, table,
};
use raext_model::{Device, DeviceProfile, Fs, Placement, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    a_wasteful_policy_is_put_aside_and_a_thrifty_one_is_not,
    without_a_guard_nothing_is_counted_and_nothing_trips,
    a_group_that_wastes_takes_the_policy_from_no_other,
    a_long_request_costs_no_more_with_a_guard,
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

/// Anyone can waste what is brought in for him. The policy is put aside for the group that
/// does.
fn a_group_that_wastes_takes_the_policy_from_no_other() {
    let mut guest = boot(&["wide"], vec![], &["/bin/cat".into()]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 128 << 20 };
    guest.set_up(device).unwrap();
    let run = |cgroup: &str, workload: Workload| GroupRun {
        cgroup: cgroup.into(),
        spec: workload.default_spec(),
    };
    for cgroup in ["thrifty", "wasteful"] {
        guest.make_cgroup(cgroup, None).unwrap();
    }
    attach(&mut guest, 50);
    let decisions = |guest: &mut Guest| {
        let counts = raext_e2e::counters(guest);
        ["kept", "limited", "changed", "taken"].map(|verdict| counts[verdict]).iter().sum::<u64>()
    };
    let asked = |guest: &mut Guest, cgroup: &str, workload: Workload| {
        let before = decisions(guest);
        guest.run_together(vec![run(cgroup, workload)]).unwrap();
        decisions(guest) - before
    };
    let mut runs = 0;
    while number(&mut guest, "tripped") == 0 {
        assert!(runs < 15, "15 wasteful runs, and the guard sleeps");
        asked(&mut guest, "wasteful", Workload::MmapRandom);
        runs += 1;
    }
    let wasteful = asked(&mut guest, "wasteful", Workload::SeqRead);
    let thrifty = asked(&mut guest, "thrifty", Workload::SeqRead);
    step(&format!("after {runs} runs: {wasteful} decisions for the one, {thrifty} for the other"));
    guest.detach().unwrap();
    assert_eq!(wasteful, 0, "the guard did not trip");
    assert!(thrifty > 0, "the group that wastes nothing has lost the policy");
    stop_clean(guest);
}

/// A request of 2 GiB on a short file: what is read is what counts. Time is counted in
/// instructions here.
fn a_long_request_costs_no_more_with_a_guard() {
    const POLICY: &str = "/fixed.bpf.o";
    const SHORT: &str = "/mnt/raext/short";
    let mut guest = boot_counted(&[], vec![guest_file(POLICY, accepted("fixed"))]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 16 << 20 };
    guest.set_up(device).unwrap();
    let read = |bytes, times| Step::Read { offset: 0, bytes, times, flags: 0 };
    let open = |path: &str| Step::Open { path: path.into() };
    let mut time = |percent| {
        let placement = Placement { guard_percent: percent, ..Placement::default() };
        // A page of the data file that nothing reads is pending.
        let set = [("events", "1"), ("ranges", "1"), ("range_start", "3000"), ("range_pages", "1")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        guest.attach_at(POLICY, &set.into(), placement).unwrap();
        let steps = vec![
            Step::Write { path: SHORT.into(), text: "x".repeat(64 << 10) },
            Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
            open("/mnt/raext/data"),
            read(4096, 1),
            open(SHORT),
            read(2 << 30, 1),
            read(2 << 30, 500),
        ];
        let acted = guest.act(steps).unwrap();
        guest.detach().unwrap();
        assert_eq!((acted.value(3), acted.value(6)), (4096, 64 << 10), "{acted:?}");
        acted.done[6].ns
    };
    let (without, with) = (time(0), time(50));
    step(&format!("{} us without a guard, {} us with one", without / 1000, with / 1000));
    assert!(with * 5 < without * 6, "{with} ns with a guard, {without} ns without");
    stop_clean(guest);
}
