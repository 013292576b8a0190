// SPDX-License-Identifier: GPL-2.0-only
//! Each field of the state that is no plain copy, with a value that is known by
//! construction.

use raext_e2e::device::{self, SLOW};
use raext_e2e::requests::{Act, Step, Stream};
use raext_e2e::{Guest, accepted, boot, boot_kernel, cases, guest_file, stop_clean};
use raext_kernel::Want;
use raext_model::{Device, DeviceProfile, Fs, Placement};
use raext_vm::KernelChoice;
use std::collections::BTreeMap;

cases! {
    a_mapping_is_told_by_its_pages,
    each_open_file_description_has_a_number,
    a_wait_for_the_device_is_told_at_the_next_miss,
    pages_of_ranges_are_in_flight,
    room_is_what_the_cgroup_has_left,
    pressure_is_that_of_the_cgroup,
    hints_tell_of_the_caller,
    a_read_may_ask_that_nothing_is_kept,
}

const POLICY: &str = "/fields.bpf.o";
const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;
/// `BPF_FS_RA_EXEC`
const EXEC: u64 = 8192;
/// `BPF_FS_RA_DONTCACHE`
const DONTCACHE: u64 = 16384;
/// `BPF_FS_RA_NOWAIT`
const NOWAIT: u64 = 32768;

/// What the policy saw of a decision, field by field.
type Seen = BTreeMap<String, u64>;

fn guest() -> Guest {
    boot(&[], vec![guest_file(POLICY, accepted("fields"))], &[])
}

/// What the policy sees meanwhile, decision by decision.
fn see(
    guest: &mut Guest,
    place: Placement,
    set: &[(&str, &str)],
    during: impl FnOnce(&mut Guest),
) -> Vec<Seen> {
    let set: BTreeMap<_, _> =
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    guest.attach_at(POLICY, &set, place).unwrap();
    let lines = device::trace(guest, &[("bpf_trace/bpf_trace_printk", "0")], during);
    guest.detach().unwrap();
    let mut seen: Vec<Seen> = Vec::new();
    for line in &lines {
        let Some((_, fields)) = line.split_once(" fields: ") else { continue };
        for (name, value) in fields.split_whitespace().filter_map(|word| word.split_once('=')) {
            if name == "index" {
                seen.push(Seen::new());
            }
            let radix = if name == "file_id" { 16 } else { 10 };
            let value = u64::from_str_radix(value, radix).expect("a number");
            seen.last_mut().expect("a decision").insert(name.to_owned(), value);
        }
    }
    assert!(!seen.is_empty(), "the policy was never asked: {lines:#?}");
    seen
}

fn read(offset: u64, bytes: u64) -> Step {
    Step::Read { offset, bytes, times: 1, flags: 0 }
}

/// From begin to end, in a buffer that is small.
fn stream(start: u64, bytes: u64) -> Step {
    let op_bytes = 64 << 10;
    let ops = (bytes / op_bytes) as u32;
    Step::Streams { streams: vec![Stream { start, op_bytes, apart: op_bytes, ops, after_ms: 0 }] }
}

fn open() -> Step {
    Step::Open { path: SLOW.into() }
}

fn with_slow_device(latency_ms: u64, depth: u32, test: impl FnOnce(&mut Guest, Placement)) {
    let mut guest = guest();
    device::make_slow(&mut guest, latency_ms, depth);
    let place = device::place(&mut guest);
    test(&mut guest, place);
    device::remove_slow(&mut guest);
    stop_clean(guest);
}

fn a_mapping_is_told_by_its_pages() {
    with_slow_device(1, 8, |guest, place| {
        let steps =
            vec![open(), read(512 * MIB, PAGE), Step::Map { bytes: 64 * MIB, advice: None }];
        let steps = [steps, vec![Step::Touch { page: 5000 }]].concat();
        let seen = see(guest, place, &[], |guest| drop(guest.act(steps).unwrap()));
        let at = |page: u64| seen.iter().find(|seen| seen["index"] == page).unwrap();
        let of_read = at(512 * MIB / PAGE);
        assert_eq!((of_read["map_first"], of_read["map_last"]), (0, 0), "{seen:#?}");
        // The device is 1 GiB long, the mapping 64 MiB.
        let of_fault = at(5000);
        assert_eq!((of_fault["map_first"], of_fault["map_last"]), (0, 16383), "{seen:#?}");
    });
}

fn each_open_file_description_has_a_number() {
    with_slow_device(1, 8, |guest, place| {
        // dd moves the position of the description that it is given.
        let script = format!(
            "exec 3< {SLOW} 4< {SLOW}
            one() {{ dd bs=4k count=1 skip=$1 of=/dev/null 2> /dev/null; }}
            one 5000 <&3; one 7000 <&4; one 5000 <&3"
        );
        let seen = see(guest, place, &[], |guest| {
            device::shell(guest, &script);
        });
        let [third, fourth, again] = [5000, 7000, 10001].map(|page| of(&seen, page)["file_id"]);
        assert!(third != 0 && fourth != 0, "{seen:#?}");
        assert_eq!(third, again, "two reads of one description: {seen:#?}");
        assert_ne!(third, fourth, "two descriptions of one file: {seen:#?}");
    });
}

fn of(seen: &[Seen], page: u64) -> &Seen {
    seen.iter()
        .find(|seen| seen["index"] == page)
        .unwrap_or_else(|| panic!("no decision at {page}: {seen:#?}"))
}

fn a_wait_for_the_device_is_told_at_the_next_miss() {
    const LATENCY: u64 = 50_000_000;
    with_slow_device(50, 8, |guest, place| {
        let far = [64, 128, 192].map(|mib| mib * MIB);
        let mut steps = vec![open()];
        steps.extend(far.map(|offset| read(offset, PAGE)));
        steps.push(Step::Map { bytes: 1024 * MIB, advice: None });
        steps.extend([320, 384].map(|mib| Step::Touch { page: mib * MIB / PAGE }));
        let seen = see(guest, place, &[], |guest| drop(guest.act(steps).unwrap()));
        let waited = |mib: u64| of(&seen, mib * MIB / PAGE)["waited_ns"];
        assert_eq!(waited(64), 0, "before the first miss: {seen:#?}");
        // The device has begun when the task goes to sleep.
        for mib in [128, 192, 320, 384] {
            let told = waited(mib);
            assert!((LATENCY / 2..100 * LATENCY).contains(&told), "{mib} MiB: {told}: {seen:#?}");
        }
    });
}

fn pages_of_ranges_are_in_flight() {
    with_slow_device(100, 1, |guest, place| {
        let set = [("range_apart", "65536"), ("range_pages", "64")];
        let steps = vec![open(), read(64 * MIB, PAGE), read(128 * MIB, PAGE)];
        let seen = see(guest, place, &set, |guest| drop(guest.act(steps).unwrap()));
        let flying = |mib: u64| of(&seen, mib * MIB / PAGE)["inflight_pages"];
        // One request at a time: the range waits behind the page.
        assert_eq!((flying(64), flying(128)), (0, 64), "{seen:#?}");
    });
}

fn in_cgroup(cgroup: &str, steps: Vec<Step>) -> Act {
    Act { cgroup: Some(cgroup.into()), steps, within_ms: 240_000 }
}

fn room_is_what_the_cgroup_has_left() {
    const LIMIT: u64 = 64 * MIB;
    with_slow_device(1, 8, |guest, place| {
        guest.make_cgroup("roomy", Some(LIMIT)).unwrap();
        let steps = vec![
            open(),
            read(900 * MIB, PAGE),
            stream(0, 40 * MIB),
            read(950 * MIB, PAGE),
            stream(100 * MIB, 80 * MIB),
            read(1000 * MIB, PAGE),
        ];
        let act = in_cgroup("roomy", steps);
        let seen = see(guest, place, &[], |guest| assert!(!guest.ask(act).unwrap().hung));
        let room = |mib: u64| of(&seen, mib * MIB / PAGE)["room_pages"] * PAGE / MIB;
        let (empty, partly, full) = (room(900), room(950), room(1000));
        // The process itself takes some memory, and so does the list of cached pages.
        assert!((52..=64).contains(&empty), "{empty} MiB of 64 before anything was read");
        assert!((8..=24).contains(&partly), "{partly} MiB of 64 after 40 were read");
        assert!(full < 8, "{full} MiB of 64 after 120 were read");
    });
}

fn pressure_is_that_of_the_cgroup() {
    with_slow_device(1, 8, |guest, place| {
        guest.make_cgroup("short", Some(16 * MIB)).unwrap();
        // Pages come back soon after they went: a wait for memory.
        let mut steps = vec![open()];
        steps.extend((0..20).map(|_| stream(0, 24 * MIB)));
        steps.push(read(1000 * MIB, PAGE));
        let act = in_cgroup("short", steps);
        let seen = see(guest, place, &[], |guest| {
            assert!(!guest.ask(act).unwrap().hung);
            guest.act(vec![open(), read(900 * MIB, PAGE)]).unwrap();
        });
        let pressure = |mib: u64| of(&seen, mib * MIB / PAGE)["pressure"];
        assert!((1..=10_000).contains(&pressure(1000)), "after thrashing: {}", pressure(1000));
        assert_eq!(pressure(900), 0, "of the root cgroup");
    });
}

fn hints_tell_of_the_caller() {
    let mut guest = guest();
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 * MIB };
    guest.set_up(device).unwrap();
    // A program of some MiB: its begin comes with the read of its header.
    let copy = "cd /mnt/raext; cp /bin/raext program
        dd if=/bin/raext of=program bs=1M conv=notrunc,fsync 2> /dev/null";
    device::shell(&mut guest, copy);
    const DROP: &str = "/proc/sys/vm/drop_caches";
    let steps = vec![
        Step::Write { path: DROP.into(), text: "3".into() },
        Step::Open { path: "/mnt/raext/data".into() },
        Step::Read { offset: 100 * PAGE, bytes: PAGE, times: 1, flags: libc::RWF_NOWAIT },
        read(200 * PAGE, PAGE),
    ];
    let seen = see(&mut guest, Placement::default(), &[], |guest| {
        device::shell(guest, "echo 3 > /proc/sys/vm/drop_caches; /mnt/raext/program --version");
        guest.act(steps).unwrap();
    });
    let flags = |page: u64| of(&seen, page)["flags"];
    assert_eq!((flags(100) & NOWAIT, flags(200) & NOWAIT), (NOWAIT, 0), "{seen:#?}");
    let runs = |seen: &Seen| seen["flags"] & EXEC != 0 && seen["map_last"] > 0;
    assert!(seen.iter().any(runs), "no fault of the program's own code: {seen:#?}");
    assert_eq!(flags(200) & (EXEC | DONTCACHE), 0, "{seen:#?}");
    stop_clean(guest);
}

/// Linux 6.14 and later.
fn a_read_may_ask_that_nothing_is_kept() {
    const RWF_DONTCACHE: i32 = 0x80;
    let kernel = KernelChoice { want: "7.3".parse::<Want>().unwrap(), untested: false };
    let more = vec![guest_file(POLICY, accepted("fields"))];
    let mut guest = boot_kernel(&kernel, &[], more, &["/bin/sh".into(), "/bin/cat".into()]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: MIB };
    guest.set_up(device).unwrap();
    let steps = vec![
        Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
        Step::Open { path: "/mnt/raext/data".into() },
        Step::Read { offset: 100 * PAGE, bytes: PAGE, times: 1, flags: RWF_DONTCACHE },
        read(200 * PAGE, PAGE),
    ];
    let seen = see(&mut guest, Placement::default(), &[], |guest| {
        guest.act(steps).unwrap();
    });
    let flags = |page: u64| of(&seen, page)["flags"] & DONTCACHE;
    assert_eq!((flags(100), flags(200)), (DONTCACHE, 0), "{seen:#?}");
    stop_clean(guest);
}
