// SPDX-License-Identifier: GPL-2.0-only
//! What a policy's author has: a new crate that works at once, and a policy that is
//! learned from a recording.

use raext_e2e::{boot_counted, build, cases, guest_file, guest_path, stop_clean};
use raext_measure::learn::Recording;
use raext_model::{Device, DeviceProfile, Fs, Workload, WorkloadSpec};
use raext_vm::Paths;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

cases! {
    a_new_crate_passes_its_tests,
    a_new_policy_passes_the_verifier_and_serves_a_scan,
    one_command_records_and_one_trains,
    the_tree_beats_lean_and_wide_on_what_it_was_not_trained_on,
}

/// `raext` with these arguments in a folder: its status and what it said.
fn raext(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let program = Paths::find().unwrap().build.join("bin/raext");
    let output = Command::new(program).args(arguments).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

/// cargo's own word for it, outside of the checkout and inside of a copy.
fn a_new_crate_passes_its_tests() {
    const PARTS: [&str; 6] = ["Cargo.toml", "Cargo.lock", "crates", "kmod", "policies", "xtask"];
    let paths = Paths::find().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let parts = PARTS.map(|part| paths.root.join(part));
    let copied = Command::new("cp").arg("-r").args(parts).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let program = paths.build.join("bin/raext");
    for (root, parent) in [(&*paths.root, outside.path()), (copy.path(), copy.path())] {
        let made = Command::new(&program)
            .args(["new", "my-policy"])
            .current_dir(parent)
            .env("RAEXT_ROOT", root)
            .status()
            .unwrap();
        assert!(made.success());
        let output = Command::new("cargo")
            .args(["test", "--lib"])
            .current_dir(parent.join("my-policy"))
            .env("CARGO_TARGET_DIR", outside.path().join("target"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{error}");
        assert!(said.contains("3 passed") && !error.contains("warning"), "{said}{error}");
    }
}

fn a_new_policy_passes_the_verifier_and_serves_a_scan() {
    let outside = tempfile::tempdir().unwrap();
    let (status, said) = raext(outside.path(), &["new", "my-policy"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("raext compare --policy ./my-policy"), "{said}");
    let (status, said) = raext(outside.path(), &["new", "my-policy"]);
    assert!(status == 1 && said.contains("is there already"), "{status} {said}");
    let (status, said) = raext(outside.path(), &["new", "My-policy"]);
    assert!(status == 2 && said.lines().count() == 1, "{status} {said}");
    let (status, said) = raext(outside.path(), &["build", "./my-policy", "-o", "mine.bpf.o"]);
    assert_eq!(status, 0, "{said}");

    let object = guest_file("/mine.bpf.o", outside.path().join("mine.bpf.o"));
    let again = guest_file(
        "/again.bpf.o",
        build(&outside.path().join("my-policy"), &outside.path().join("again")),
    );
    let mut guest = boot_counted(&[], vec![object, again]);
    for object in ["/mine.bpf.o", "/again.bpf.o"] {
        let outcome = guest.check(object, &BTreeMap::new()).unwrap();
        assert!(outcome.accepted, "{object}: {}", outcome.log);
    }
    let device = Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let spec = Workload::SeqRead.default_spec();
    // What else the host does only adds.
    let (mut kernel, mut mine) = (u64::MAX, u64::MAX);
    let mut checksum = None;
    for _ in 0..3 {
        let without = guest.run(spec).unwrap();
        guest.attach("/mine.bpf.o", &BTreeMap::new()).unwrap();
        let with = guest.run(spec).unwrap();
        guest.detach().unwrap();
        // 1 MiB at a time instead of 128 KiB.
        assert!((1..=32).contains(&with.decisions), "{with:?}");
        assert_eq!(*checksum.get_or_insert(without.checksum), with.checksum);
        (kernel, mine) = (kernel.min(without.elapsed_ns), mine.min(with.elapsed_ns));
    }
    assert!(mine * 5 < kernel * 4, "{mine} ns, and {kernel} ns by the kernel itself");
    stop_clean(guest);
}

fn one_command_records_and_one_trains() {
    let dir = tempfile::tempdir().unwrap();
    let record = ["record", "-o", "mine.jsonl", "-w", "seq-read", "-w", "mmap-random"];
    let (status, said) = raext(dir.path(), &[&record[..], &["--rounds", "2"]].concat());
    assert_eq!(status, 0, "{said}");
    let recording = Recording::read(&dir.path().join("mine.jsonl")).unwrap();
    let run = &recording.runs[0];
    assert_eq!((recording.runs.len(), run.spec.workload), (4, Workload::SeqRead));
    // Every page of the scan, in order, hits included.
    let mut next = 0;
    for event in &run.events {
        if let raext_measure::learn::Event::Read(first, pages) = event {
            assert_eq!(*first, next, "{event:?}");
            next += u64::from(*pages);
        }
    }
    assert_eq!(next * 4096, run.spec.op_bytes * run.spec.ops);

    let (status, said) = raext(dir.path(), &["train", "mine.jsonl", "-o", "tree.rs"]);
    assert!(status == 0 && said.contains("held out"), "{status} {said}");
    let tree = std::fs::read_to_string(dir.path().join("tree.rs")).unwrap();
    assert!(tree.contains("static TREE: Tree"), "{tree}");
    std::fs::write(dir.path().join("bad.jsonl"), "{}\n").unwrap();
    let (status, said) = raext(dir.path(), &["train", "bad.jsonl"]);
    assert!(status == 1 && said.contains("bad.jsonl:1: "), "{status} {said}");
}

/// Trained on `cloud` with scans and random accesses; here is another device, with
/// three workloads that were not recorded, and the others with other sizes and seeds.
fn mix() -> [WorkloadSpec; 7] {
    let spec = |workload, op_bytes, ops| WorkloadSpec {
        workload,
        op_bytes,
        ops,
        stride_bytes: 256 << 10,
        seed: 4711,
    };
    [
        spec(Workload::Stride, 16 << 10, 40),
        spec(Workload::Backward, 32 << 10, 40),
        spec(Workload::Interleaved, 32 << 10, 240),
        spec(Workload::SeqRead, 16 << 10, 768),
        spec(Workload::MmapSeq, 4096, 768),
        spec(Workload::RandomRead, 8192, 40),
        spec(Workload::MmapRandom, 4096, 40),
    ]
}

/// Repeats of each cell, in turns.
const REPEATS: usize = 3;

fn the_tree_beats_lean_and_wide_on_what_it_was_not_trained_on() {
    let policies = ["tree", "lean", "wide"];
    let mut guest = boot_counted(&policies, vec![]);
    let device = Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 256 << 20 };
    guest.set_up(device).unwrap();
    let mut times: [[Vec<u64>; 3]; 7] = Default::default();
    let mut checksums = BTreeMap::new();
    for _ in 0..REPEATS {
        for (column, policy) in policies.iter().enumerate() {
            guest.attach(&guest_path(policy), &BTreeMap::new()).unwrap();
            for (row, spec) in mix().into_iter().enumerate() {
                let sample = guest.run(spec).unwrap();
                assert_eq!(*checksums.entry(row).or_insert(sample.checksum), sample.checksum);
                times[row][column].push(sample.elapsed_ns);
            }
            guest.detach().unwrap();
        }
    }
    // What else the host does only adds.
    let best = |times: &[u64]| times.iter().copied().min().unwrap_or_default() as f64;
    for (column, policy) in policies.iter().enumerate().skip(1) {
        let ratios = times.iter().map(|row| best(&row[column]) / best(&row[0]));
        let ratios: Vec<f64> = ratios.collect();
        let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / 7.0).exp();
        println!("tree against {policy}: {mean:.2} times as fast; {ratios:.2?}");
        assert!(mean > 1.1, "{policy}: {mean} {ratios:?}");
    }
    stop_clean(guest);
}
