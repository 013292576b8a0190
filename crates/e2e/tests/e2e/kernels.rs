// SPDX-License-Identifier: GPL-2.0-only
//! The other kernels that this is tested with: on each, the module loads, the
//! shipped policies attach, the data is right and the windows are as they
//! should be.

use raext_e2e::device::{self, shell};
use raext_e2e::requests::Step;
use raext_e2e::{
    Guest, accepted, boot_kernel, cases, counters, guest_file, guest_path, stop_clean,
};
use raext_kernel::{TESTED, Want};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use raext_vm::KernelChoice;
use std::collections::BTreeMap;
use std::iter;
use std::path::PathBuf;

cases! {
    on_6_18,
    on_7_2,
    on_7_3,
}

const DATA_BYTES: u64 = 32 << 20;
const POLICIES: [&str; 7] = ["auto", "noop", "wide", "lean", "stride", "backward", "interleaved"];
/// Where the kernel tells the size of each folio that it puts into the page
/// cache.
const ADDED: &str = "/sys/kernel/tracing/events/filemap/mm_filemap_add_to_page_cache/enable";

fn run(guest: &mut Guest, policy: Option<&str>, workload: Workload) -> Sample {
    if let Some(name) = policy {
        guest.attach(&guest_path(name), &BTreeMap::new()).unwrap();
    }
    let sample = guest.run(workload.default_spec()).unwrap();
    if policy.is_some() {
        guest.detach().unwrap();
    }
    sample
}

fn works_on(series: &str) {
    assert!(TESTED.iter().any(|tested| tested.series.to_string() == series), "{series}");
    let kernel = KernelChoice { want: series.parse::<Want>().unwrap(), untested: false };
    let programs = ["/bin/sh", "/bin/cat"].map(PathBuf::from);
    let programs = [programs.as_slice(), &["/bin/cp".into(), "/bin/sync".into()]].concat();
    let more = ["extreme", "fixed"].map(|name| guest_file(guest_path(name), accepted(name))).into();
    let mut guest = boot_kernel(&kernel, &POLICIES, more, &programs);
    assert!(guest.release().starts_with(&format!("{series}.")), "{}", guest.release());
    same_program_windows(&mut guest);
    uncached_stays_uncached(&mut guest);
    for fs in Fs::ALL {
        let device = Device { profile: DeviceProfile::Nvme, fs, data_bytes: DATA_BYTES };
        guest.set_up(device).unwrap();
        for workload in Workload::ALL {
            let runs = [(); 2].map(|()| run(&mut guest, None, workload));
            let kernel = runs.into_iter().max_by_key(|sample| sample.device_reads).unwrap();
            assert_eq!(kernel.decisions, 0, "{workload} on {fs}: decisions without a policy");
            for policy in ["noop", "wide", "lean"] {
                let with = run(&mut guest, Some(policy), workload);
                let what = format!("{policy}, {workload} on {fs}: {with:?} against {kernel:?}");
                assert_eq!(with.checksum, kernel.checksum, "other data: {what}");
                assert_eq!(with.bytes, kernel.bytes, "other length: {what}");
                assert!(with.decisions > 0, "never asked: {what}");
                match policy {
                    "noop" => as_the_kernel(&mut guest, workload, &runs, with, &what),
                    "lean" => assert!(with.device_bytes <= kernel.device_bytes, "{what}"),
                    // btrfs cuts requests to its own size.
                    _ if workload == Workload::SeqRead && fs != Fs::Btrfs => {
                        assert!(with.device_reads < kernel.device_reads, "{what}");
                    }
                    _ => {}
                }
            }
        }
    }
    foresees(&mut guest);
    writes_windows(&mut guest);
    same_folios(&mut guest);
    stop_clean(guest);
}

/// Where a policy foresees the accesses, it is asked for few of them: marks, which
/// ranges and windows leave, are what it is asked by.
fn foresees(guest: &mut Guest) {
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    guest.set_up(device).unwrap();
    for (policy, workload) in [
        ("stride", Workload::Stride),
        ("backward", Workload::Backward),
        ("interleaved", Workload::Interleaved),
    ] {
        let kernel = run(guest, None, workload);
        let with = run(guest, Some(policy), workload);
        let what = format!("{policy}: {with:?} against {kernel:?}");
        assert_eq!(with.checksum, kernel.checksum, "other data: {what}");
        assert!(with.decisions > 1 && 3 * with.decisions < with.ops, "{what}");
    }
}

/// `noop` makes as many requests as the kernel alone in one of its runs, but for
/// a block of metadata that may or may not be in the cache. A window that is
/// under way when a run ends is counted with the next: hence three attempts.
fn as_the_kernel(
    guest: &mut Guest,
    workload: Workload,
    kernel: &[Sample],
    first: Sample,
    what: &str,
) {
    let is_near = |noop: &Sample| {
        let near =
            |k: &Sample| noop.device_reads.abs_diff(k.device_reads) <= 4 + k.device_reads / 50;
        kernel.iter().any(near)
    };
    let more = (0..2).map(|_| run(guest, Some("noop"), workload));
    assert!(iter::once(first).chain(more).any(|noop| is_near(&noop)), "{what}");
}

/// A callback may write into the state: the verifier knows the state's type by
/// a number that the kernel gives it anew where it loads the module.
fn writes_windows(guest: &mut Guest) {
    let spec = Workload::SeqRead.default_spec();
    let kernel = guest.run(spec).unwrap();
    let set = [("writes", "true"), ("size", "8"), ("async_size", "1")];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    guest.attach(&guest_path("extreme"), &set.into()).unwrap();
    let with = guest.run(spec).unwrap();
    let counters = counters(guest);
    guest.detach().unwrap();
    assert_eq!(with.checksum, kernel.checksum, "other data");
    assert!(counters["changed"] > 0, "no window was changed: {counters:?}");
}

/// A limit that is the file's own leaves the kernel its windows of a program (6.17 and
/// later: from the fault to the end of the mapping, without a mark).
fn same_program_windows(guest: &mut Guest) {
    const RUN: &str =
        "echo 3 > /proc/sys/vm/drop_caches; /mnt/raext/program < /dev/null 2> /dev/null; true";
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 1 << 20 };
    guest.set_up(device).unwrap();
    shell(guest, "cp /init /mnt/raext/program && sync");
    let ra_pages = shell(guest, "cat /sys/block/raext0/queue/read_ahead_kb");
    let ra_pages = ra_pages.trim().parse::<u64>().unwrap() / 4;
    let mut run = |limit: Option<u64>| {
        if let Some(limit) = limit {
            let set = BTreeMap::from([("limit".to_owned(), limit.to_string())]);
            guest.attach(&guest_path("extreme"), &set).unwrap();
        }
        let watched = device::watch_device(guest, "raext0", |guest| {
            shell(guest, RUN);
        });
        if limit.is_some() {
            guest.detach().unwrap();
        }
        watched
    };
    let (kernel, with) = (run(None), run(Some(ra_pages)));
    assert!(!with.decisions.is_empty(), "never asked");
    assert_eq!(with.requests, kernel.requests, "{:#?}", with.decisions);
}

/// Pages of a read that is not to fill the cache leave it, those of ranges, too (6.14 and later).
fn uncached_stays_uncached(guest: &mut Guest) {
    const RWF_DONTCACHE: i32 = 0x80;
    const BYTES: u64 = 4 << 20;
    const READ: u64 = 64 << 10;
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: BYTES };
    guest.set_up(device).unwrap();
    let set = [
        ("events", "3"),
        ("follows", "true"),
        ("ranges", "1"),
        ("range_start", "64"),
        ("range_pages", "64"),
    ];
    let set: BTreeMap<_, _> = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for with in [false, true] {
        if with {
            guest.attach(&guest_path("fixed"), &set).unwrap();
        }
        let mut steps = vec![
            Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
            Step::Open { path: "/mnt/raext/data".into() },
        ];
        let reads = (0..BYTES).step_by(READ as usize);
        steps.extend(reads.map(|offset| Step::Read {
            offset,
            bytes: READ,
            times: 1,
            flags: RWF_DONTCACHE,
        }));
        steps.push(Step::Map { bytes: BYTES, advice: None });
        steps.push(Step::Cached { page: 0, pages: BYTES / 4096 });
        let acted = guest.act(steps).unwrap();
        if with {
            let submitted = counters(guest)["submitted"];
            guest.detach().unwrap();
            assert!(submitted > 0, "no range was read");
        }
        assert_eq!(acted.value(2), READ as i64, "{acted:?}");
        let cached = acted.done.last().map(|did| did.value);
        assert_eq!(cached, Some(0), "pages that stay in the cache (policy: {with})");
    }
}

/// Folios grow from window to window, by a state of the file that a wrapper
/// has to give back (6.17 and later).
fn same_folios(guest: &mut Guest) {
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    guest.set_up(device).unwrap();
    let kernel = largest_folio(guest, None);
    let noop = largest_folio(guest, Some("noop"));
    println!("  the largest folio is of order {kernel} (kernel), {noop} (noop)");
    assert_eq!(noop, kernel, "noop changes the size of folios");
}

/// The greatest order of a folio that a sequential read puts into the cache.
fn largest_folio(guest: &mut Guest, policy: Option<&str>) -> u32 {
    shell(guest, &format!("echo > /sys/kernel/tracing/trace; echo 1 > {ADDED}"));
    run(guest, policy, Workload::SeqRead);
    shell(guest, &format!("echo 0 > {ADDED}"));
    let trace = shell(guest, "cat /sys/kernel/tracing/trace");
    let orders = trace.lines().filter_map(|line| {
        let order = line.split_once(" order=")?.1;
        order.split_whitespace().next()?.parse().ok()
    });
    orders.max().unwrap_or_else(|| panic!("no folio in the trace:\n{trace}"))
}

fn on_6_18() {
    works_on("6.18");
}

fn on_7_2() {
    works_on("7.2");
}

fn on_7_3() {
    works_on("7.3");
}
