// SPDX-License-Identifier: GPL-2.0-only
//! Workloads at the same time, each in a cgroup of its own: what the device
//! reads is told apart.

use raext_e2e::{boot, step, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, GroupRun, Request, Workload};

#[test]
fn reads_of_two_cgroups_are_told_apart() {
    let mut engine = boot(&[], vec![], &[]);
    let device = Device { profile: DeviceProfile::Cloud, fs: Fs::Ext4, data_bytes: 32 << 20 };
    engine.set_up(device, &step).unwrap();
    let run = |(cgroup, workload): (&str, Workload)| GroupRun {
        cgroup: cgroup.into(),
        spec: workload.default_spec(),
    };
    let runs = [("scan", Workload::SeqRead), ("lookup", Workload::RandomRead)].map(run).to_vec();
    for run in &runs {
        let request = Request::MakeCgroup { name: run.cgroup.clone(), memory_max: None };
        engine.done(&request, &step).unwrap();
    }
    for _ in 0..2 {
        let samples = engine.run_together(runs.clone(), &step).unwrap();
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
    stop_clean(engine);
}
