// SPDX-License-Identifier: GPL-2.0-only
//! What can be seen of policies: the counters agree with the tracepoint, and both
//! with the device's own statistics.

use raext_e2e::{Guest, accepted, boot, cases, guest_file, guest_path, stop_clean, table};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    counters_trace_and_device_agree_exactly,
    at_the_files_end_the_mark_stays_where_it_is,
    behind_a_limit_the_reader_is_heard_of_again,
    time_is_counted_on_request,
}

const TRACING: &str = "/sys/kernel/tracing";
const PAGE: u64 = 4096;

fn sh(guest: &mut Guest, script: &str) -> String {
    let (status, said, error) = guest.exec(&["sh", "-c", script]).unwrap();
    assert_eq!(status, 0, "{script}: {error}");
    said
}

/// The trace's decisions, each by its fields.
fn trace(guest: &mut Guest) -> Vec<BTreeMap<String, String>> {
    let text = sh(guest, &format!("cat {TRACING}/trace"));
    let fields = |line: &str| {
        let words = line.split_whitespace().filter_map(|word| word.split_once('='));
        words.map(|(name, word)| (name.to_owned(), word.to_owned())).collect()
    };
    text.lines()
        .filter_map(|line| line.split_once(" decision: "))
        .map(|(_, told)| fields(told))
        .collect()
}

fn number(fields: &BTreeMap<String, String>, name: &str) -> u64 {
    fields[name].parse().unwrap_or_else(|_| panic!("{name} in {fields:?}"))
}

/// Pages that a decision had read: those of its ranges, and its window or what
/// was asked for. On a mark, nothing was asked for.
fn pages_of(decision: &BTreeMap<String, String>) -> u64 {
    let window = match number(decision, "size") {
        0 if decision["flags"].contains("mark") => 0,
        0 => number(decision, "req"),
        size => size,
    };
    window + number(decision, "submitted")
}

/// Run a workload under a policy that stays attached, and trace its decisions.
fn traced(
    guest: &mut Guest,
    policy: &str,
    set: &BTreeMap<String, String>,
    workload: Workload,
) -> (Sample, Vec<BTreeMap<String, String>>) {
    guest.attach(policy, set).unwrap();
    sh(guest, &format!("echo > {TRACING}/trace; echo 1 > {TRACING}/events/readahead_ext/enable"));
    let sample = guest.run(workload.default_spec()).unwrap();
    sh(guest, &format!("echo 0 > {TRACING}/events/readahead_ext/enable"));
    (sample, trace(guest))
}

/// Run a workload under a policy and hold the three against each other.
fn agree(guest: &mut Guest, policy: &str, workload: Workload) {
    let what = format!("{policy} on {workload}");
    let (sample, traced) = traced(guest, &guest_path(policy), &BTreeMap::new(), workload);
    let counted = table(guest, "counters");
    guest.detach().unwrap();

    assert_eq!(traced.len() as u64, sample.decisions, "{what}: decisions traced and counted");
    for row in &counted {
        let event = &row["event"];
        let of_event: Vec<_> = traced.iter().filter(|d| d["flags"].contains(event)).collect();
        for verdict in ["kept", "limited", "changed", "taken"] {
            let traced = of_event.iter().filter(|d| d["verdict"] == *verdict).count() as u64;
            assert_eq!(number(row, verdict), traced, "{what}: {event}, {verdict}");
        }
        for name in ["ranges", "submitted"] {
            let traced: u64 = of_event.iter().map(|d| number(d, name)).sum();
            assert_eq!(number(row, name), traced, "{what}: {event}, {name}");
        }
    }
    let pages: u64 = traced.iter().map(pages_of).sum();
    assert_eq!(pages * PAGE, sample.device_bytes, "{what}: decided, and read from the device");
}

fn counters_trace_and_device_agree_exactly() {
    let policies = ["noop", "stride", "backward"];
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut guest = boot(&policies, vec![], &programs);
    // The device itself: no file system reads beside.
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Raw, data_bytes: 64 << 20 };
    guest.set_up(device).unwrap();
    for (policy, workload) in [
        ("noop", Workload::RandomRead),
        ("noop", Workload::SeqRead),
        ("noop", Workload::Stride),
        ("stride", Workload::Stride),
        ("backward", Workload::Backward),
    ] {
        agree(&mut guest, policy, workload);
    }
    stop_clean(guest);
}

/// A window that goes past the file's end is cut off there, and its mark stays: it
/// must not come to lie in what is waited for, nor be made up where it was behind
/// the end.
fn at_the_files_end_the_mark_stays_where_it_is() {
    let object = accepted("beyond");
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut guest = boot(&[], vec![guest_file("/beyond.bpf.o", object)], &programs);
    let data_bytes = 32 << 20;
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes };
    guest.set_up(device).unwrap();
    // Pages beyond the end, pages from the mark on (-1: all but the request), and
    // whether the mark is reached, behind the first request.
    for (more, tail, reached) in [(0, -1, true), (100, -1, true), (100, 100, false)] {
        let set = [("more", more), ("tail", tail)];
        let set = set.map(|(name, number)| (name.to_owned(), number.to_string())).into();
        let (_, mut traced) = traced(&mut guest, "/beyond.bpf.o", &set, Workload::SeqRead);
        guest.detach().unwrap();
        traced.retain(|decision| number(decision, "file") == data_bytes / PAGE);
        let first = traced.first().unwrap();
        assert_eq!(number(first, "start"), 0, "{first:?}");
        let marks = traced.iter().filter(|decision| decision["flags"].contains("mark"));
        let marks: Vec<_> = marks.map(|decision| number(decision, "index")).collect();
        let expected = if reached { vec![number(first, "req")] } else { vec![] };
        assert_eq!(marks, expected, "{more} pages beyond the end, {tail} marked: {traced:?}");
    }
    stop_clean(guest);
}

/// A window that the module's limit cuts off before its mark is marked near its new end:
/// else its reader would wait for each window, and the policy not hear of it.
fn behind_a_limit_the_reader_is_heard_of_again() {
    let object = accepted("beyond");
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut guest = boot(&[], vec![guest_file("/beyond.bpf.o", object)], &programs);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let limit = 64;
    let kib = limit * PAGE / 1024;
    sh(&mut guest, &format!("echo {kib} > /sys/module/readahead_ext/parameters/max_window_kb"));
    // The whole of the file, marked before its last 8 pages, behind its first 100, and
    // behind its first 8, where the limit is further.
    let pages = device.data_bytes / PAGE;
    for (tail, first_mark) in [(8, limit - 8), (pages - 100, limit - limit / 4), (pages - 8, 8)] {
        let set = [("more", 0), ("tail", tail)];
        let set = set.map(|(name, number)| (name.to_owned(), number.to_string())).into();
        let (_, traced) = traced(&mut guest, "/beyond.bpf.o", &set, Workload::SeqRead);
        guest.detach().unwrap();
        let marks = traced.iter().filter(|decision| decision["flags"].contains("mark"));
        let marks: Vec<_> = marks.map(|decision| number(decision, "index")).collect();
        assert!(marks.len() > 2, "{tail} marked: {traced:?}");
        assert_eq!(marks[0], first_mark, "{tail} marked: {traced:?}");
    }
    stop_clean(guest);
}

/// The time in the policy is counted only when it is asked for.
fn time_is_counted_on_request() {
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut guest = boot(&["noop"], vec![], &programs);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let mut ns = |timing: &str| {
        sh(&mut guest, &format!("echo {timing} > /sys/module/readahead_ext/parameters/timing"));
        guest.attach(&guest_path("noop"), &BTreeMap::new()).unwrap();
        guest.run(Workload::SeqRead.default_spec()).unwrap();
        let ns: u64 = table(&mut guest, "counters").iter().map(|row| number(row, "ns")).sum();
        guest.detach().unwrap();
        ns
    };
    assert_eq!(ns("N"), 0);
    assert!(ns("Y") > 0);
    stop_clean(guest);
}
