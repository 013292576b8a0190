// SPDX-License-Identifier: GPL-2.0-only
//! Policies that do harm on purpose or by chance: some are made of random numbers,
//! some belong to another subsystem. The data stays right, the I/O bounded, the
//! counters consistent, the kernel's log clean.

use raext_bpf::load::DROPPED;
use raext_e2e::device::shell;
use raext_e2e::requests::Step;
use raext_e2e::{
    Guest, accepted, boot, cases, counters, foreign, guest_file, recent_bpftool, step, stop_clean,
    table,
};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    policies_of_random_numbers_cost_time_and_never_data,
    a_foreign_program_may_not_call_what_policies_call,
    a_policy_that_takes_too_long_is_put_aside,
}

const DATA_BYTES: u64 = 32 << 20;
/// How many random policies, unless RAEXT_SEEDS says otherwise.
const SEEDS: u64 = 12;

fn run_all(guest: &mut Guest) -> Vec<Sample> {
    Workload::ALL.map(|w| guest.run(w.default_spec()).unwrap()).to_vec()
}

/// Every page of a range ends in one place.
fn consistent(what: &str, counts: &BTreeMap<String, u64>) {
    let ends = ["submitted", "cached"].iter().chain(&DROPPED);
    let sum: u64 = ends.map(|name| counts[*name]).sum();
    assert_eq!(counts["pages"], sum, "{what}: {counts:?}");
}

fn policies_of_random_numbers_cost_time_and_never_data() {
    let random = accepted("random");
    let cat = [PathBuf::from("/bin/cat")];
    let mut guest = boot(&[], vec![guest_file("/random.bpf.o", random)], &cat);
    let seeds = std::env::var("RAEXT_SEEDS").map_or(SEEDS, |n| n.parse().expect("a number"));
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    guest.set_up(device).unwrap();
    let kernel = run_all(&mut guest);
    let mut clamped = 0;
    let mut dropped = 0;
    for seed in 1..=seeds {
        let set = BTreeMap::from([("seed".to_owned(), seed.to_string())]);
        guest.attach("/random.bpf.o", &set).unwrap();
        let with = run_all(&mut guest);
        let counts = counters(&mut guest);
        guest.detach().unwrap();
        for ((kernel, with), workload) in kernel.iter().zip(&with).zip(Workload::ALL) {
            let what = format!("seed {seed}, {workload}");
            assert_eq!(with.checksum, kernel.checksum, "{what}: other data");
            assert!(with.decisions > 0, "{what}: never asked");
            // Each page once; what was dropped from the cache meanwhile, again.
            assert!(with.device_bytes <= 2 * DATA_BYTES, "{what}: {with:?}");
        }
        consistent(&format!("seed {seed}"), &counts);
        clamped += counts["clamped"];
        dropped += counts["dropped_eof"] + counts["dropped_limit"] + counts["dropped_full"];
    }
    assert!(clamped > 0 && dropped > 0, "{seeds} policies, and none was absurd");
    stop_clean(guest);
}

/// A congestion control of TCP runs in softirq, on top of any task.
fn a_foreign_program_may_not_call_what_policies_call() {
    let bpftool = recent_bpftool();
    let files = vec![guest_file("/congestion.bpf.o", foreign("congestion"))];
    let mut guest = boot(&[], files, std::slice::from_ref(&bpftool));
    let register = ["/bin/bpftool", "struct_ops", "register", "/congestion.bpf.o", "/sys/fs/bpf"];
    let (status, stdout, stderr) = guest.exec(&register).unwrap();
    let said = format!("{stdout}{stderr}");
    assert_ne!(status, 0, "the program was accepted: {said}");
    let refusal = "calling kernel function bpf_fs_readahead_cached is not allowed";
    assert!(said.contains(refusal), "{said}");
    stop_clean(guest);
}

/// Three callbacks of more than 10 ms, and the kernel decides again.
fn a_policy_that_takes_too_long_is_put_aside() {
    const SAYS: &str = "took over 10 ms each";
    let files = vec![guest_file("/greedy.bpf.o", accepted("greedy"))];
    let mut guest = boot(&[], files, &["/bin/sh", "/bin/cat", "/usr/bin/timeout"].map(Into::into));
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 1 << 20 };
    guest.set_up(device).unwrap();
    guest.attach("/greedy.bpf.o", &BTreeMap::new()).unwrap();
    // Misses, each far from the one before.
    let mut steps = vec![
        Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
        Step::Open { path: "/mnt/raext/data".into() },
    ];
    let misses =
        (1..=6).map(|n| Step::Read { offset: n * 32 * 4096, bytes: 4096, times: 1, flags: 0 });
    steps.extend(misses);
    let acted = guest.act(steps).unwrap();
    let ms: Vec<_> = acted.done[2..].iter().map(|did| did.ns / 1_000_000).collect();
    let decided = counters(&mut guest)["kept"];
    let policies = table(&mut guest, "policies");
    step(&format!("{decided} decisions, reads of {ms:?} ms, {policies:?}"));
    guest.detach().unwrap();
    assert!(ms[0] > 10, "the policy is not slow: {ms:?} ms");
    assert_eq!(decided, 3, "decisions of a policy that takes {ms:?} ms");
    assert_eq!(policies[0].get("slow").map(String::as_str), Some("1"), "{policies:?}");
    // A reader of the log waits at its end.
    let log = shell(&mut guest, "timeout 1 cat /dev/kmsg; true");
    assert_eq!(log.matches(SAYS).count(), 1, "{log}");
    // The line may be a warning.
    guest.stop().unwrap();
}
