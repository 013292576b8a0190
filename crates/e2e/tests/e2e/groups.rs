// SPDX-License-Identifier: GPL-2.0-only
//! Workloads at the same time, each in a cgroup of its own: what the device
//! reads is told apart.

use raext_e2e::requests::GroupRun;
use raext_e2e::{boot, cases, step, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Workload};

cases! {
    reads_of_two_cgroups_are_told_apart,
}

fn reads_of_two_cgroups_are_told_apart() {
    let mut guest = boot(&[], vec![], &[]);
    let device = Device { profile: DeviceProfile::Cloud, fs: Fs::Ext4, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let run = |(cgroup, workload): (&str, Workload)| GroupRun {
        cgroup: cgroup.into(),
        spec: workload.default_spec(),
    };
    let runs = [("scan", Workload::SeqRead), ("lookup", Workload::RandomRead)].map(run).to_vec();
    for run in &runs {
        guest.make_cgroup(&run.cgroup, None).unwrap();
    }
    for _ in 0..2 {
        let samples = guest.run_together(runs.clone()).unwrap();
        for (run, sample) in runs.iter().zip(&samples) {
            step(&format!("{}: {sample:?}", run.cgroup));
            assert_eq!(sample.bytes, run.spec.ops * run.spec.op_bytes, "{}", run.cgroup);
            assert!(sample.device_bytes >= sample.bytes, "{}: {sample:?}", run.cgroup);
            assert!(sample.device_reads > 0, "{}: {sample:?}", run.cgroup);
        }
        // Each has read its own, and not what the other has: 16 MiB and 800 KiB,
        // with the window behind them, or around.
        let [scan, lookup] = samples.as_slice() else { panic!("{samples:?}") };
        assert!(scan.device_bytes < scan.bytes + (2 << 20), "{scan:?}");
        assert!(lookup.device_bytes < scan.bytes / 2, "{lookup:?}");
    }
    stop_clean(guest);
}
