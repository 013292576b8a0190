// SPDX-License-Identifier: GPL-2.0-only
//! What can be seen of policies: the counters agree with the tracepoint, and both
//! with the device's own statistics.

use raext_e2e::{accepted, boot, guest_file, guest_path, step, stop_clean, table};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use raext_vm::Engine;
use std::collections::BTreeMap;
use std::path::PathBuf;

const TRACING: &str = "/sys/kernel/tracing";
const PAGE: u64 = 4096;

fn sh(engine: &mut Engine, script: &str) -> String {
    let (status, said, error) = engine.exec(&["sh", "-c", script], &step).unwrap();
    assert_eq!(status, 0, "{script}: {error}");
    said
}

/// The trace's decisions, each by its fields.
fn trace(engine: &mut Engine) -> Vec<BTreeMap<String, String>> {
    let text = sh(engine, &format!("cat {TRACING}/trace"));
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
    engine: &mut Engine,
    policy: &str,
    set: &BTreeMap<String, String>,
    workload: Workload,
) -> (Sample, Vec<BTreeMap<String, String>>) {
    engine.attach(policy, set, &step).unwrap();
    sh(engine, &format!("echo > {TRACING}/trace; echo 1 > {TRACING}/events/readahead_ext/enable"));
    let sample = engine.run(workload.default_spec(), &step).unwrap();
    sh(engine, &format!("echo 0 > {TRACING}/events/readahead_ext/enable"));
    (sample, trace(engine))
}

/// Run a workload under a policy and hold the three against each other.
fn agree(engine: &mut Engine, policy: &str, workload: Workload) {
    let what = format!("{policy} on {workload}");
    let (sample, traced) = traced(engine, &guest_path(policy), &BTreeMap::new(), workload);
    let counted = table(engine, "counters");
    engine.detach(&step).unwrap();

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

#[test]
fn counters_trace_and_device_agree_exactly() {
    let policies = ["noop", "stride", "backward"];
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut engine = boot(&policies, vec![], &programs);
    // The device itself: no file system reads beside.
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Raw, data_bytes: 64 << 20 };
    engine.set_up(device, &step).unwrap();
    for (policy, workload) in [
        ("noop", Workload::RandomRead),
        ("noop", Workload::SeqRead),
        ("noop", Workload::Stride),
        ("stride", Workload::Stride),
        ("backward", Workload::Backward),
    ] {
        agree(&mut engine, policy, workload);
    }
    stop_clean(engine);
}

/// A window that goes past the file's end is cut off there, and its mark stays: it
/// must not come to lie in what is waited for, nor be made up where it was behind
/// the end.
#[test]
fn at_the_files_end_the_mark_stays_where_it_is() {
    let object = accepted("beyond");
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut engine = boot(&[], vec![guest_file("/beyond.bpf.o", object)], &programs);
    let data_bytes = 32 << 20;
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes };
    engine.set_up(device, &step).unwrap();
    // Pages beyond the end, pages from the mark on (-1: all but the request), and
    // whether the mark is reached, behind the first request.
    for (more, tail, reached) in [(0, -1, true), (100, -1, true), (100, 100, false)] {
        let set = [("more", more), ("tail", tail)];
        let set = set.map(|(name, number)| (name.to_owned(), number.to_string())).into();
        let (_, mut traced) = traced(&mut engine, "/beyond.bpf.o", &set, Workload::SeqRead);
        engine.detach(&step).unwrap();
        traced.retain(|decision| number(decision, "file") == data_bytes / PAGE);
        let first = traced.first().unwrap();
        assert_eq!(number(first, "start"), 0, "{first:?}");
        let marks = traced.iter().filter(|decision| decision["flags"].contains("mark"));
        let marks: Vec<_> = marks.map(|decision| number(decision, "index")).collect();
        let expected = if reached { vec![number(first, "req")] } else { vec![] };
        assert_eq!(marks, expected, "{more} pages beyond the end, {tail} marked: {traced:?}");
    }
    stop_clean(engine);
}

/// A window that the module's limit cuts off before its mark is marked near its new end:
/// else its reader would wait for each window, and the policy not hear of it.
#[test]
fn behind_a_limit_the_reader_is_heard_of_again() {
    let object = accepted("beyond");
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut engine = boot(&[], vec![guest_file("/beyond.bpf.o", object)], &programs);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 << 20 };
    engine.set_up(device, &step).unwrap();
    let limit = 64;
    let kib = limit * PAGE / 1024;
    sh(&mut engine, &format!("echo {kib} > /sys/module/readahead_ext/parameters/max_window_kb"));
    // The whole of the file, marked before its last 8 pages, behind its first 100, and
    // behind its first 8, where the limit is further.
    let pages = device.data_bytes / PAGE;
    for (tail, first_mark) in [(8, limit - 8), (pages - 100, limit - limit / 4), (pages - 8, 8)] {
        let set = [("more", 0), ("tail", tail)];
        let set = set.map(|(name, number)| (name.to_owned(), number.to_string())).into();
        let (_, traced) = traced(&mut engine, "/beyond.bpf.o", &set, Workload::SeqRead);
        engine.detach(&step).unwrap();
        let marks = traced.iter().filter(|decision| decision["flags"].contains("mark"));
        let marks: Vec<_> = marks.map(|decision| number(decision, "index")).collect();
        assert!(marks.len() > 2, "{tail} marked: {traced:?}");
        assert_eq!(marks[0], first_mark, "{tail} marked: {traced:?}");
    }
    stop_clean(engine);
}

/// The time in the policy is counted only when it is asked for.
#[test]
fn time_is_counted_on_request() {
    let programs = ["/bin/cat", "/bin/sh"].map(PathBuf::from);
    let mut engine = boot(&["noop"], vec![], &programs);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 << 20 };
    engine.set_up(device, &step).unwrap();
    let mut ns = |timing: &str| {
        sh(&mut engine, &format!("echo {timing} > /sys/module/readahead_ext/parameters/timing"));
        engine.attach(&guest_path("noop"), &BTreeMap::new(), &step).unwrap();
        engine.run(Workload::SeqRead.default_spec(), &step).unwrap();
        let ns: u64 = table(&mut engine, "counters").iter().map(|row| number(row, "ns")).sum();
        engine.detach(&step).unwrap();
        ns
    };
    assert_eq!(ns("N"), 0);
    assert!(ns("Y") > 0);
    stop_clean(engine);
}
