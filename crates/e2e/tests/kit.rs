// SPDX-License-Identifier: GPL-2.0-only
//! What a policy's author has: a new crate that works at once.

use raext_e2e::{boot, build, guest_file, step, stop_clean};
use raext_engine::Paths;
use raext_proto::{Device, DeviceProfile, Fs, Workload};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// `raext` with these arguments in a folder: its status and what it said.
fn raext(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let program = Paths::find().unwrap().build.join("bin/raext");
    let output = Command::new(program).args(arguments).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

#[test]
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
    let again = guest_file("/again.bpf.o", build(&outside.path().join("my-policy")));
    let mut engine = boot(&[], vec![object, again], &[]);
    for guest in ["/mine.bpf.o", "/again.bpf.o"] {
        let outcome = engine.check(guest, &BTreeMap::new(), &step).unwrap();
        assert!(outcome.accepted, "{guest}: {}", outcome.log);
    }
    let device = Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 32 << 20 };
    engine.set_up(device, &step).unwrap();
    let spec = Workload::SeqRead.default_spec();
    let kernel = engine.run(spec, &step).unwrap();
    engine.attach("/mine.bpf.o", &BTreeMap::new(), &step).unwrap();
    let mine = engine.run(spec, &step).unwrap();
    engine.detach(&step).unwrap();
    assert_eq!(mine.checksum, kernel.checksum);
    // 1 MiB at a time instead of 128 KiB.
    assert!((1..=32).contains(&mine.decisions), "{mine:?}");
    assert!(mine.elapsed_ns * 4 < kernel.elapsed_ns * 3, "{mine:?} {kernel:?}");
    stop_clean(engine);
}
