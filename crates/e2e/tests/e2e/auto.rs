// SPDX-License-Identifier: GPL-2.0-only
//! What `auto` promises against the kernel's own readahead, measured on the slow
//! disk; and that what it has learned of one way to read does no harm to the next.

use raext_e2e::{Guest, boot, boot_counted, cases, gain, guest_path, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload, WorkloadSpec};
use std::collections::BTreeMap;

cases! {
    it_is_as_fast_as_promised,
    random_access_stays_lean_whatever_came_before,
}

/// The workload, how many times longer than usual it runs, and how many times as
/// fast it is to be.
const PROMISES: [(Workload, u64, f64); 5] = [
    (Workload::SeqRead, 4, 1.8),
    (Workload::MmapSeq, 16, 2.5),
    (Workload::Stride, 4, 5.0),
    (Workload::Backward, 4, 5.0),
    (Workload::Interleaved, 4, 1.4),
];

fn with_data(mut guest: Guest, profile: DeviceProfile) -> Guest {
    let device = Device { profile, fs: Fs::Ext4, data_bytes: 256 << 20 };
    guest.set_up(device).unwrap();
    guest
}

fn run(guest: &mut Guest, spec: WorkloadSpec) -> Sample {
    guest.run(spec).unwrap()
}

fn attach(guest: &mut Guest) {
    guest.attach(&guest_path("auto"), &BTreeMap::new()).unwrap();
}

fn it_is_as_fast_as_promised() {
    let mut guest = with_data(boot_counted(&["auto"], vec![]), DeviceProfile::Disk);
    let mut broken = Vec::new();
    for (workload, times, least) in PROMISES {
        let spec = workload.default_spec();
        let spec = WorkloadSpec { ops: times * spec.ops, ..spec };
        let kernel = run(&mut guest, spec);
        attach(&mut guest);
        let own = run(&mut guest, spec);
        guest.detach().unwrap();
        assert_eq!(own.checksum, kernel.checksum, "{workload}: other data");
        let what = format!("auto on {workload}");
        broken.extend(gain(&what, least, kernel.elapsed_ns, own.elapsed_ns).err());
    }
    assert!(broken.is_empty(), "{broken:?}");
    stop_clean(guest);
}

/// Bytes are not noisy: random reads bring in the requested bytes and little more, and
/// random faults of a mapping what the kernel brings in, also right after scans of the
/// same file.
fn random_access_stays_lean_whatever_came_before() {
    let mut guest = with_data(boot(&["auto"], vec![], &[]), DeviceProfile::Nvme);
    let spec = Workload::MmapRandom.default_spec();
    let kernel = run(&mut guest, WorkloadSpec { ops: 4 * spec.ops, ..spec }).device_bytes;
    attach(&mut guest);
    for before in [None, Some(Workload::SeqRead), Some(Workload::MmapSeq)] {
        for workload in [Workload::RandomRead, Workload::MmapRandom] {
            if let Some(before) = before {
                run(&mut guest, before.default_spec());
            }
            let spec = workload.default_spec();
            let sample = run(&mut guest, WorkloadSpec { ops: 4 * spec.ops, ..spec });
            let usual = if workload == Workload::MmapRandom { kernel } else { sample.bytes };
            // Closing takes some guesses: 2 MB of them at most.
            let most = usual + usual / 10 + (2 << 20);
            assert!(sample.device_bytes <= most, "{workload} after {before:?}: {sample:?}");
        }
    }
    stop_clean(guest);
}
