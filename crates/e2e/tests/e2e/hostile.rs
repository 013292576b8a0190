// SPDX-License-Identifier: GPL-2.0-only
//! Policies that do harm on purpose or by chance: some are made of random numbers,
//! some pass a copy of the state for the state. The data stays right, the I/O bounded, the
//! counters consistent, the kernel's log clean.

use raext_bpf::load::DROPPED;
use raext_e2e::{Guest, accepted, boot, cases, counters, guest_file, stop_clean, table};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    policies_of_random_numbers_cost_time_and_never_data,
    a_copy_of_the_state_is_no_state,
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

fn a_copy_of_the_state_is_no_state() {
    let impostor = accepted("impostor");
    let cat = [PathBuf::from("/bin/cat")];
    let mut guest = boot(&[], vec![guest_file("/impostor.bpf.o", impostor)], &cat);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    guest.set_up(device).unwrap();
    guest.attach("/impostor.bpf.o", &BTreeMap::new()).unwrap();
    run_all(&mut guest);
    let counts = counters(&mut guest);
    for row in table(&mut guest, "counters") {
        assert_eq!(row["taken"], "0", "the copy was not refused with -EINVAL: {row:?}");
    }
    assert!(counts["kept"] > 0, "{counts:?}");
    assert_eq!((counts["ranges"], counts["clamped"]), (0, 0), "{counts:?}");
    guest.detach().unwrap();
    stop_clean(guest);
}
