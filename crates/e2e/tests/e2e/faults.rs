// SPDX-License-Identifier: GPL-2.0-only
//! Faults of a mapping: what a policy has read for one is read without the fault's
//! lock, after the page that is needed, and where the policy and the kernel put it.

use raext_e2e::device::{self, SLOW, field};
use raext_e2e::requests::{Act, FUSE_FILE, Served, Step, Stream};
use raext_e2e::{Guest, accepted, boot, cases, guest_file, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Placement};
use std::collections::BTreeMap;

cases! {
    a_server_may_map_while_it_serves_its_own_fault,
    a_taken_fault_reads_window_page_and_ranges,
    the_faulting_page_is_read_before_ranges,
    the_window_of_a_huge_page_begins_at_it,
    a_mark_in_the_middle_of_a_folio_keeps_folios_large,
}

const POLICY: &str = "/fixed.bpf.o";
/// `BPF_FS_RA_FAULT`.
const FAULT: (&str, &str) = ("events", "4");
const PAGE: u64 = 4096;

fn guest() -> Guest {
    boot(&[], vec![guest_file(POLICY, accepted("fixed"))], &["/bin/sh".into(), "/bin/cat".into()])
}

fn attach(guest: &mut Guest, placement: Placement, set: &[(&str, &str)]) {
    let set: BTreeMap<_, _> =
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    guest.attach_at(POLICY, &set, placement).unwrap();
}

/// A server changes the mapping through which its own file faults, before it answers
/// the read of that fault. The kernel's own fault has dropped its locks by then.
fn a_server_may_map_while_it_serves_its_own_fault() {
    let mut guest = guest();
    let ranges = [FAULT, ("ranges", "1"), ("range_start", "256"), ("range_pages", "64")];
    let window = [FAULT, ("answer", "1"), ("start", "256"), ("size", "64")];
    for (what, set) in [("none", None), ("a range", Some(&ranges)), ("a window", Some(&window))] {
        if let Some(set) = set {
            attach(&mut guest, Placement::default(), set);
        }
        let served = Served {
            pages: 1024,
            async_read: false,
            congestion_threshold: 0,
            maps: true,
            silent_ms: 0,
            silent_page: 0,
        };
        let acted = guest.ask(Act {
            cgroup: None,
            steps: vec![
                Step::MountFuse { served },
                Step::Open { path: FUSE_FILE.into() },
                Step::Map { bytes: 1024 * PAGE, advice: None },
                Step::Touch { page: 0 },
                Step::FuseReads { page: 0, pages: 1024 },
            ],
            within_ms: 10_000,
        });
        let acted = acted.unwrap();
        assert!(!acted.hung, "{what}: the fault and its server wait for each other: {acted:?}");
        assert!(acted.value(4) > 0, "{what}: the server was not asked: {acted:?}");
        if set.is_some() {
            guest.detach().unwrap();
        }
    }
    stop_clean(guest);
}

fn touch(page: u64, advice: Option<i32>) -> Vec<Step> {
    vec![
        Step::Open { path: SLOW.into() },
        Step::Map { bytes: 64 << 20, advice },
        Step::Touch { page },
    ]
}

/// The window lies elsewhere, so that the page is read alone; the kernel's own window around
/// it is not.
fn a_taken_fault_reads_window_page_and_ranges() {
    let mut guest = guest();
    device::make_slow(&mut guest, 1, 8);
    let place = device::place(&mut guest);
    let set = [
        FAULT,
        ("answer", "1"),
        ("start", "1024"),
        ("size", "32"),
        ("ranges", "1"),
        ("range_start", "2048"),
        ("range_pages", "64"),
    ];
    attach(&mut guest, place, &set);
    let watched = device::watch(&mut guest, |guest| {
        guest.act(touch(100, None)).unwrap();
    });
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    let [decision] = &watched.decisions[..] else { panic!("one decision: {watched:#?}") };
    for (name, value) in [("verdict", "taken"), ("start", "1024"), ("size", "32")] {
        assert_eq!(field(decision, name), value, "{name}: {decision}");
    }
    let mut read = watched.pages();
    read.sort_unstable();
    let decided: Vec<u64> = (100..101).chain(1024..1056).chain(2048..2112).collect();
    assert_eq!(read, decided, "{:?}", watched.requests);
    stop_clean(guest);
}

fn the_faulting_page_is_read_before_ranges() {
    let mut guest = guest();
    device::make_slow(&mut guest, 1, 8);
    let place = device::place(&mut guest);
    let range = [FAULT, ("ranges", "1"), ("range_start", "4096"), ("range_pages", "8192")];
    attach(&mut guest, place, &range);
    let watched = device::watch(&mut guest, |guest| {
        guest.act(touch(100, None)).unwrap();
    });
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    let read = watched.pages();
    let place = |page| read.iter().position(|&read| read == page);
    let (page, range) = (place(100), read.iter().position(|&page| page >= 4096));
    assert!(page.is_some() && range.is_some(), "{watched:?}");
    assert!(page < range, "the range went first: {watched:?}");
    stop_clean(guest);
}

/// The window of a mapping with `MADV_HUGEPAGE` begins at the huge page, whatever
/// the file's previous window.
fn the_window_of_a_huge_page_begins_at_it() {
    let mut guest = guest();
    device::make_slow(&mut guest, 1, 8);
    let place = device::place(&mut guest);
    attach(&mut guest, place, &[FAULT, ("shorter", "1")]);
    let mut steps = touch(4096, Some(libc::MADV_HUGEPAGE));
    steps.insert(1, Step::Read { offset: 0, bytes: 32 * PAGE, times: 1, flags: 0 });
    steps.push(Step::Sleep { ms: 300 });
    steps.push(Step::Cached { page: 4096, pages: 512 });
    let mut cached = 0;
    let watched = device::watch(&mut guest, |guest| {
        cached = guest.act(steps).unwrap().value(5);
    });
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    let fault = watched.decisions.iter().find(|line| field(line, "index") == "4096");
    let fault = fault.unwrap_or_else(|| panic!("no fault: {watched:#?}"));
    assert_eq!(field(fault, "start"), "4096", "{fault}");
    assert_eq!(cached, 512, "pages of the huge page in the cache: {fault}");
    stop_clean(guest);
}

/// A fault reaches the mark of a folio of 64 KiB in its middle. The next window is shorter
/// than what is there of the last one. It is read in folios as large as it is.
fn a_mark_in_the_middle_of_a_folio_keeps_folios_large() {
    const DATA_PAGES: u64 = 2048;
    const READ_PAGES: u64 = 512;
    let mut guest = guest();
    let data_bytes = DATA_PAGES * PAGE;
    guest.set_up(Device { profile: DeviceProfile::Nvme, fs: Fs::Xfs, data_bytes }).unwrap();
    let set = [
        // `BPF_FS_RA_MARK`.
        ("events", "2"),
        ("answer", "1"),
        ("continues", "true"),
        ("size", "64"),
        ("async_size", "64"),
        ("other_size", "16"),
    ];
    attach(&mut guest, Placement::default(), &set);
    // Folios grow from mark to mark.
    let ops = u32::try_from(READ_PAGES / 32).unwrap();
    let read = Stream { start: 0, op_bytes: 32 * PAGE, apart: 32 * PAGE, ops, after_ms: 0 };
    let mut steps = vec![
        Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
        Step::Open { path: "/mnt/raext/data".into() },
        Step::Streams { streams: vec![read] },
        Step::Map { bytes: data_bytes, advice: None },
    ];
    let touched = (READ_PAGES + 8..DATA_PAGES - 256).step_by(16);
    steps.extend(touched.map(|page| Step::Touch { page }));
    let event = "filemap/mm_filemap_add_to_page_cache";
    let lines = device::trace(&mut guest, &[(event, "0")], |guest| {
        guest.act(steps).unwrap();
    });
    guest.detach().unwrap();
    // Behind what the first touched window may have been asked for by read().
    let far = |line: &&String| field(line, "ofs").parse::<u64>().unwrap() / PAGE > READ_PAGES + 256;
    let orders: Vec<u32> = lines
        .iter()
        .filter(|line| line.contains(" ofs="))
        .filter(far)
        .map(|line| field(line, "order").parse().unwrap())
        .collect();
    println!("  orders {orders:?}");
    assert!(orders.iter().map(|order| 1 << order).sum::<u32>() > 512, "{lines:#?}");
    assert!(orders.iter().all(|order| *order >= 4), "folios below 64 KiB: {orders:?}");
    stop_clean(guest);
}
