// SPDX-License-Identifier: GPL-2.0-only
//! How ranges become requests: in portions, within what a device, a server and the
//! caller allow, and not after the caller's death.

use raext_e2e::device::{self, SLOW, shell};
use raext_e2e::requests::{FUSE_FILE, Served, Step, Stream};
use raext_e2e::{Guest, accepted, boot, cases, counters, guest_file, stop_clean};
use raext_model::Placement;
use std::collections::BTreeMap;

cases! {
    a_submission_that_must_not_wait_waits_for_no_range,
    few_pages_are_locked_before_they_are_submitted,
    a_killed_reader_has_no_more_ranges_read,
    a_congested_server_gets_no_more_ranges,
    what_is_in_flight_is_told_by_a_page_that_was_absent,
}

const POLICY: &str = "/fixed.bpf.o";
/// `BPF_FS_RA_MISS`.
const MISS: (&str, &str) = ("events", "1");
const PAGE: u64 = 4096;

fn guest() -> Guest {
    let programs = ["/bin/sh", "/bin/cat", "/bin/dd", "/bin/rmdir"].map(Into::into);
    boot(&[], vec![guest_file(POLICY, accepted("fixed"))], &programs)
}

fn attach(guest: &mut Guest, placement: Placement, set: &[(&str, &str)]) {
    let set: BTreeMap<_, _> =
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    guest.attach_at(POLICY, &set, placement).unwrap();
}

/// `io_uring` submits on the task's time, and has the kernel wait for nothing.
fn a_submission_that_must_not_wait_waits_for_no_range() {
    const REQUEST_MS: u64 = 400;
    let mut guest = guest();
    device::make_slow(&mut guest, REQUEST_MS, 1);
    let place = device::place(&mut guest);
    let ranges = [
        MISS,
        ("ranges", "8"),
        ("range_start", "4096"),
        ("range_pages", "32"),
        ("range_apart", "64"),
    ];
    for set in [None, Some(&ranges)] {
        if let Some(set) = set {
            attach(&mut guest, place, set);
        }
        let steps = vec![
            Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
            Step::Open { path: SLOW.into() },
            Step::RingRead { offset: 0, bytes: PAGE as u32 },
        ];
        let acted = guest.act(steps).unwrap();
        assert_eq!(acted.value(2), PAGE as i64, "{acted:?}");
        let ms = acted.done[2].ns / 1_000_000;
        println!("  submitted in {ms} ms (ranges: {})", set.is_some());
        assert!(ms < REQUEST_MS, "{ms} ms: the submission waited for the device");
    }
    let decided = counters(&mut guest);
    assert!(decided["ranges"] >= 8, "the policy was not asked: {decided:?}");
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    stop_clean(guest);
}

/// A page that is added to the cache is locked until it was read. The kernel adds and
/// submits 2 MiB at a time.
fn few_pages_are_locked_before_they_are_submitted() {
    const PORTION: i64 = 512;
    let mut guest = guest();
    device::make_slow(&mut guest, 1, 64);
    let place = device::place(&mut guest);
    attach(
        &mut guest,
        place,
        &[MISS, ("ranges", "1"), ("range_start", "4096"), ("range_pages", "2048")],
    );
    let dev = place.dev;
    let (dev, s_dev) = (format!("dev == {dev}"), format!("i_ino == {dev}"));
    // A device's own pages are those of an inode of the file system "bdev", whose number
    // is the device's.
    let events = [
        ("filemap/mm_filemap_add_to_page_cache", s_dev.as_str()),
        ("block/block_bio_queue", dev.as_str()),
    ];
    let lines = device::trace(&mut guest, &events, |guest| {
        let read = Step::Read { offset: 0, bytes: PAGE, times: 1, flags: 0 };
        guest.act(vec![Step::Open { path: SLOW.into() }, read]).unwrap();
    });
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    let (mut locked, mut most, mut added) = (0_i64, 0, 0);
    for line in &lines {
        if line.contains("mm_filemap_add_to_page_cache") {
            let order: u32 = device::field(line, "order").parse().unwrap();
            locked += 1 << order;
            added += 1 << order;
        } else if let Some((_, after)) = line.split_once(" + ") {
            let sectors: i64 = after.split(' ').next().unwrap().parse().unwrap();
            locked -= sectors / 8;
        }
        most = most.max(locked);
    }
    assert!(added >= 2048, "the range was not read: {added} pages");
    // Beside a portion there is the window that was asked for.
    assert!(most <= PORTION, "{most} pages were locked and not submitted");
    stop_clean(guest);
}

fn a_killed_reader_has_no_more_ranges_read() {
    let mut guest = guest();
    device::make_slow(&mut guest, 50, 1);
    let place = device::place(&mut guest);
    attach(
        &mut guest,
        place,
        &[MISS, ("ranges", "1"), ("range_start", "4096"), ("range_pages", "16384")],
    );
    let said = shell(
        &mut guest,
        "exec 2> /dev/null
        sectors() { read a b sectors d < /sys/block/slow/stat; }
        sectors; begin=$sectors
        dd if=/dev/slow of=/dev/null bs=4k count=1 & reader=$!
        until sectors; test $((sectors - begin)) -gt 4096; do :; done
        kill -9 $reader; at=$sectors; wait $reader
        sectors; echo $((sectors - at))",
    );
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    let kib = said.trim().parse::<u64>().unwrap() / 2;
    println!("  {kib} KiB were read after the signal");
    // Two portions of 2 MiB, and the requests that were on their way.
    assert!(kib <= 6 << 10, "{kib} KiB of 64 MiB were read after the signal");
    stop_clean(guest);
}

/// A server of files that is behind with its work is asked for nothing ahead.
fn a_congested_server_gets_no_more_ranges() {
    let mut guest = guest();
    let range = [MISS, ("ranges", "1"), ("range_start", "1024"), ("range_pages", "1024")];
    attach(&mut guest, Placement::default(), &range);
    let served = Served {
        pages: 4096,
        async_read: true,
        congestion_threshold: 1,
        maps: false,
        silent_ms: 2000,
        silent_page: 0,
    };
    let acted = guest.act(vec![
        Step::MountFuse { served },
        Step::Open { path: FUSE_FILE.into() },
        Step::Read { offset: 0, bytes: PAGE, times: 1, flags: 0 },
        Step::FuseReads { page: 0, pages: 1024 },
        Step::FuseReads { page: 1024, pages: 1024 },
    ]);
    let acted = acted.unwrap();
    let decided = counters(&mut guest);
    guest.detach().unwrap();
    assert_eq!(decided["ranges"], 1, "{decided:?}");
    assert!(acted.value(3) > 0, "{acted:?}");
    assert!(acted.value(4) <= 1, "{} requests for the range", acted.value(4));
    stop_clean(guest);
}

/// No more than 64 MiB of a file are in flight by ranges. Here the last range of each
/// decision ends in a page that is there.
fn what_is_in_flight_is_told_by_a_page_that_was_absent() {
    const APART: u64 = 4096;
    let mut guest = guest();
    device::make_slow(&mut guest, 4000, 2048);
    let place = device::place(&mut guest);
    let places: Vec<u64> = (1..=10).map(|n| n * APART).collect();
    let set = [
        MISS,
        ("follows", "true"),
        ("ranges", "1"),
        ("range_start", "3"),
        ("range_pages", "4090"),
        ("last_start", "1"),
        ("last_pages", "2"),
    ];
    attach(&mut guest, place, &set);
    let mut steps = vec![Step::Open { path: SLOW.into() }];
    steps.extend(places.iter().map(|page| Step::WillNeed { page: page + 2, pages: 1 }));
    steps.push(Step::Sleep { ms: 5000 });
    // Each decides while the ranges of those before it are in flight.
    let stream = |(n, page): (u64, &u64)| Stream {
        start: page * PAGE,
        op_bytes: PAGE,
        apart: 0,
        ops: 1,
        after_ms: 200 * n,
    };
    steps.push(Step::Streams { streams: (0..).zip(&places).map(stream).collect() });
    guest.act(steps).unwrap();
    let counts = counters(&mut guest);
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    assert_eq!(counts["ranges"], 20, "{counts:?}");
    assert!(counts["dropped_busy"] > 0, "160 MiB are in flight: {counts:?}");
    stop_clean(guest);
}
