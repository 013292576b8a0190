// SPDX-License-Identifier: GPL-2.0-only
//! What the example policies are for, measured on the slow disk: many times as
//! fast where their pattern is, and no other I/O where it is not.

use raext_e2e::{Guest, boot, boot_counted, cases, gain, guest_path, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload, WorkloadSpec};
use std::collections::BTreeMap;

cases! {
    each_is_fast_on_its_pattern,
    elsewhere_they_leave_the_io_as_it_is,
}

const POLICIES: [(&str, Workload, f64); 3] = [
    ("stride", Workload::Stride, 6.0),
    ("backward", Workload::Backward, 10.0),
    ("interleaved", Workload::Interleaved, 1.4),
];

fn device(profile: DeviceProfile, data_bytes: u64) -> Device {
    Device { profile, fs: Fs::Ext4, data_bytes }
}

fn with(guest: &mut Guest, policy: &str, spec: WorkloadSpec) -> Sample {
    guest.attach(&guest_path(policy), &BTreeMap::new()).unwrap();
    let sample = guest.run(spec).unwrap();
    guest.detach().unwrap();
    sample
}

fn each_is_fast_on_its_pattern() {
    let names = POLICIES.map(|(name, ..)| name);
    let mut guest = boot_counted(&names, vec![]);
    guest.set_up(device(DeviceProfile::Disk, 256 << 20)).unwrap();
    let mut slow = Vec::new();
    for (policy, workload, least) in POLICIES {
        // Longer than the table's: the beginning, which no policy can foresee,
        // is a small part of the run.
        let short = workload.default_spec();
        let spec = WorkloadSpec { ops: 4 * short.ops, ..short };
        let kernel = guest.run(spec).unwrap();
        let own = with(&mut guest, policy, spec);
        assert_eq!(own.checksum, kernel.checksum, "{policy}: other data");
        let what = format!("{policy} on {workload}");
        slow.extend(gain(&what, least, kernel.elapsed_ns, own.elapsed_ns).err());
    }
    assert!(slow.is_empty(), "{slow:?}");
    stop_clean(guest);
}

/// Time is noisy, requests are not: where a policy has nothing to foresee, the
/// device sees what it sees without one.
fn elsewhere_they_leave_the_io_as_it_is() {
    let names = POLICIES.map(|(name, ..)| name);
    let mut guest = boot(&names, vec![], &[]);
    guest.set_up(device(DeviceProfile::Nvme, 256 << 20)).unwrap();
    for workload in Workload::ALL {
        let spec = workload.default_spec();
        let kernel = guest.run(spec).unwrap();
        for (policy, own, _) in POLICIES {
            let sample = with(&mut guest, policy, spec);
            let what = format!("{policy} on {workload}: {kernel:?} became {sample:?}");
            assert_eq!(sample.checksum, kernel.checksum, "{what}");
            if workload == own {
                continue;
            }
            let reads = sample.device_reads.abs_diff(kernel.device_reads);
            let bytes = sample.device_bytes.abs_diff(kernel.device_bytes);
            // A block of metadata may or may not be there.
            assert!(reads <= 4 + kernel.device_reads / 50, "{what}");
            assert!(bytes <= (64 << 10) + kernel.device_bytes / 50, "{what}");
        }
    }
    stop_clean(guest);
}
