// SPDX-License-Identifier: GPL-2.0-only
//! What policies do to readahead: the data stays right on every file system,
//! `noop` changes nothing that the device can see, `wide` and `lean` do what
//! they are for.

use raext_e2e::{Guest, boot, boot_counted, cases, gain, guest_path, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use std::collections::BTreeMap;

cases! {
    every_policy_on_every_file_system,
    wide_is_faster_and_lean_reads_less_on_disk,
    a_tunable_set_at_load_time_takes_effect,
}

/// Where requests are compared: sixteen windows of the widest policy.
const SMALL: u64 = 64 << 20;
/// Where times and random pages are.
const LARGE: u64 = 256 << 20;
const POLICIES: [&str; 7] = ["noop", "noop-c", "wide", "lean", "stride", "backward", "interleaved"];

fn device(profile: DeviceProfile, fs: Fs, data_bytes: u64) -> Device {
    Device { profile, fs, data_bytes }
}

/// Run every workload with `policy` attached, or without one.
fn run_all(guest: &mut Guest, policy: Option<&str>) -> Vec<(Workload, Sample)> {
    if let Some(name) = policy {
        guest.attach(&guest_path(name), &BTreeMap::new()).unwrap();
    }
    let samples = Workload::ALL
        .map(|workload| (workload, guest.run(workload.default_spec()).unwrap()))
        .to_vec();
    if policy.is_some() {
        guest.detach().unwrap();
    }
    samples
}

/// Device bytes are the policy's doing alone, time is not: what can be told
/// from bytes and requests is told from them.
fn every_policy_on_every_file_system() {
    let mut guest = boot(&POLICIES, vec![], &[]);
    for fs in Fs::ALL {
        guest.set_up(device(DeviceProfile::Nvme, fs, SMALL)).unwrap();
        let kernel = run_all(&mut guest, None);
        for policy in POLICIES {
            let with = run_all(&mut guest, Some(policy));
            for ((workload, before), (_, after)) in kernel.iter().zip(&with) {
                let what = format!("{policy}, {workload} on {fs}");
                assert_eq!(after.checksum, before.checksum, "{what}: other data");
                assert_eq!(after.bytes, before.bytes, "{what}: other length");
                assert!(after.decisions > 0, "{what}: the policy was never asked");
                assert_eq!(before.decisions, 0, "{what}: decisions without a policy");
                match policy {
                    "noop" | "noop-c" => {
                        unchanged(&mut guest, policy, *workload, fs, (before, after), &what);
                    }
                    "lean" => assert!(
                        after.device_bytes <= before.device_bytes,
                        "{what}: {after:?} reads more than {before:?}"
                    ),
                    _ => {}
                }
            }
        }
    }
    stop_clean(guest);
}

/// The same requests for the same bytes, but for a metadata block that may or
/// may not be in the cache. btrfs submits from threads of its own, which cut
/// requests a little otherwise each time; and a window that is under way when a
/// run ends is counted with the next: hence three attempts.
fn unchanged(
    guest: &mut Guest,
    policy: &str,
    workload: Workload,
    fs: Fs,
    (before, first): (&Sample, &Sample),
    what: &str,
) {
    let share = if fs == Fs::Btrfs { 10 } else { 50 };
    let is_near = |after: &Sample| {
        let reads = after.device_reads.abs_diff(before.device_reads);
        let bytes = after.device_bytes.abs_diff(before.device_bytes);
        reads <= 4 + before.device_reads / share && bytes <= 64 * 1024 + before.device_bytes / 50
    };
    let mut attempts = vec![*first];
    while !attempts.iter().any(is_near) && attempts.len() < 3 {
        guest.attach(&guest_path(policy), &BTreeMap::new()).unwrap();
        attempts.push(guest.run(workload.default_spec()).unwrap());
        guest.detach().unwrap();
    }
    assert!(
        attempts.iter().any(is_near),
        "{what}: {policy} changed the I/O: {before:?} became {attempts:?}"
    );
}

fn wide_is_faster_and_lean_reads_less_on_disk() {
    let mut guest = boot_counted(&["wide", "lean"], vec![]);
    guest.set_up(device(DeviceProfile::Disk, Fs::Ext4, LARGE)).unwrap();
    let seq = Workload::SeqRead.default_spec();
    let mmap_seq = Workload::MmapSeq.default_spec();
    let mmap_random = Workload::MmapRandom.default_spec();

    for (spec, least) in [(seq, 1.5), (mmap_seq, 2.0)] {
        let kernel = guest.run(spec).unwrap();
        guest.attach(&guest_path("wide"), &BTreeMap::new()).unwrap();
        let with = guest.run(spec).unwrap();
        guest.detach().unwrap();
        let what = format!("wide on {}", spec.workload);
        gain(&what, least, kernel.elapsed_ns, with.elapsed_ns).unwrap();
    }

    let kernel = guest.run(mmap_random).unwrap();
    guest.attach(&guest_path("lean"), &BTreeMap::new()).unwrap();
    let lean = guest.run(mmap_random).unwrap();
    guest.detach().unwrap();
    let fewer = kernel.device_bytes as f64 / lean.device_bytes as f64;
    assert!(fewer >= 15.0, "lean: only {fewer:.1} times fewer device bytes: {kernel:?} {lean:?}");
    stop_clean(guest);
}

fn a_tunable_set_at_load_time_takes_effect() {
    let mut guest = boot(&["wide"], vec![], &[]);
    guest.set_up(device(DeviceProfile::Nvme, Fs::Ext4, SMALL)).unwrap();
    let spec = Workload::SeqRead.default_spec();
    let mut reads = |limit_kb: &str| {
        let set = BTreeMap::from([("limit_kb".to_owned(), limit_kb.to_owned())]);
        guest.attach(&guest_path("wide"), &set).unwrap();
        let sample = guest.run(spec).unwrap();
        guest.detach().unwrap();
        sample.decisions
    };
    let (narrow, wide) = (reads("64"), reads("8192"));
    assert!(
        narrow > 4 * wide,
        "{narrow} decisions at 64 KiB, {wide} at 8 MiB: the limit has no effect"
    );
    stop_clean(guest);
}
