// SPDX-License-Identifier: GPL-2.0-only
//! The other kernels that this is tested with: on each, the module loads, the
//! shipped policies attach, the data is right and the windows are as they
//! should be.

use raext_e2e::{boot_kernel, build, guest_file, guest_path, step, stop_clean};
use raext_engine::{Engine, KernelChoice, Paths};
use raext_kernel::{TESTED, Want};
use raext_proto::{Device, DeviceProfile, Fs, Sample, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

const DATA_BYTES: u64 = 64 << 20;
/// Where the kernel tells the size of each folio that it puts into the page
/// cache.
const ADDED: &str = "/sys/kernel/tracing/events/filemap/mm_filemap_add_to_page_cache/enable";

fn run(engine: &mut Engine, policy: Option<&str>, workload: Workload) -> Sample {
    if let Some(name) = policy {
        engine.attach(&guest_path(name), &BTreeMap::new(), &step).unwrap();
    }
    let sample = engine.run(workload.default_spec(), &step).unwrap();
    if policy.is_some() {
        engine.detach(&step).unwrap();
    }
    sample
}

fn works_on(series: &str) {
    assert!(TESTED.iter().any(|tested| tested.series.to_string() == series), "{series}");
    let kernel = KernelChoice { want: series.parse::<Want>().unwrap(), untested: false };
    let programs = ["/bin/sh", "/bin/cat"].map(PathBuf::from);
    let paths = Paths::find().unwrap();
    let extreme = build(&paths.root.join("tests/accepted/extreme.bpf.c"));
    let more = vec![guest_file(guest_path("extreme"), extreme)];
    let mut engine = boot_kernel(&kernel, &["noop", "wide", "lean"], more, &programs);
    assert!(engine.release().starts_with(&format!("{series}.")), "{}", engine.release());
    for fs in Fs::ALL {
        let device = Device { profile: DeviceProfile::Nvme, fs, data_bytes: DATA_BYTES };
        engine.set_up(device, &step).unwrap();
        for workload in Workload::ALL {
            let kernel = run(&mut engine, None, workload);
            assert_eq!(kernel.decisions, 0, "{workload} on {fs}: decisions without a policy");
            for policy in ["noop", "wide", "lean"] {
                let with = run(&mut engine, Some(policy), workload);
                let what = format!("{policy}, {workload} on {fs}: {with:?} against {kernel:?}");
                assert_eq!(with.checksum, kernel.checksum, "other data: {what}");
                assert_eq!(with.bytes, kernel.bytes, "other length: {what}");
                assert!(with.decisions > 0, "never asked: {what}");
                match policy {
                    "noop" => assert!(is_near(with.device_reads, kernel.device_reads), "{what}"),
                    "lean" => assert!(with.device_bytes <= kernel.device_bytes, "{what}"),
                    _ if workload == Workload::SeqRead => {
                        assert!(with.device_reads < kernel.device_reads, "{what}");
                    }
                    _ => {}
                }
            }
        }
    }
    writes_windows(&mut engine);
    same_folios(&mut engine);
    stop_clean(engine);
}

/// But for a block of metadata that may or may not be in the cache.
fn is_near(reads: u64, before: u64) -> bool {
    reads.abs_diff(before) <= 4 + before / 50
}

/// A callback may write into the state: the verifier knows the state's type by
/// a number that the kernel gives it anew where it loads the module.
fn writes_windows(engine: &mut Engine) {
    let spec = Workload::SeqRead.default_spec();
    let kernel = engine.run(spec, &step).unwrap();
    let set = [("writes", "true"), ("size", "8"), ("async_size", "1")];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    engine.attach(&guest_path("extreme"), &set.into(), &step).unwrap();
    let with = engine.run(spec, &step).unwrap();
    let table = shell(engine, "cat /sys/kernel/debug/readahead_ext/policies");
    engine.detach(&step).unwrap();
    assert_eq!(with.checksum, kernel.checksum, "other data");
    let mut columns = table.lines().map(|line| line.split_whitespace());
    let (names, values) = (columns.next().unwrap(), columns.next().unwrap());
    let changed = names.zip(values).find(|(name, _)| *name == "changed").unwrap().1;
    assert!(changed.parse::<u64>().unwrap() > 0, "no window was changed:\n{table}");
}

/// Folios grow from window to window, by a state of the file that a wrapper
/// has to give back (6.17 and later).
fn same_folios(engine: &mut Engine) {
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    engine.set_up(device, &step).unwrap();
    let kernel = largest_folio(engine, None);
    let noop = largest_folio(engine, Some("noop"));
    println!("  the largest folio is of order {kernel} (kernel), {noop} (noop)");
    assert_eq!(noop, kernel, "noop changes the size of folios");
}

/// The greatest order of a folio that a sequential read puts into the cache.
fn largest_folio(engine: &mut Engine, policy: Option<&str>) -> u32 {
    shell(engine, &format!("echo > /sys/kernel/tracing/trace; echo 1 > {ADDED}"));
    run(engine, policy, Workload::SeqRead);
    shell(engine, &format!("echo 0 > {ADDED}"));
    let trace = shell(engine, "cat /sys/kernel/tracing/trace");
    let orders = trace.lines().filter_map(|line| {
        let order = line.split_once(" order=")?.1;
        order.split_whitespace().next()?.parse().ok()
    });
    orders.max().unwrap_or_else(|| panic!("no folio in the trace:\n{trace}"))
}

fn shell(engine: &mut Engine, script: &str) -> String {
    let (status, said, complaints) = engine.exec(&["/bin/sh", "-c", script], &step).unwrap();
    assert_eq!(status, 0, "{script}: {said}{complaints}");
    said
}

#[test]
fn on_6_18() {
    works_on("6.18");
}

#[test]
fn on_7_2() {
    works_on("7.2");
}

#[test]
fn on_7_3() {
    works_on("7.3");
}
