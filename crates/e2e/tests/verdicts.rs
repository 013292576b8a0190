// SPDX-License-Identifier: GPL-2.0-only
//! What the real verifier says of the shipped policies and of those in
//! tests/refused, each of which names the cause that must be found.

use raext_bpf::build::Builder;
use raext_bpf::object::{ObjectError, PolicyObject};
use raext_e2e::{accepted, boot, guest_file, guest_path, step, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Request, Workload};
use raext_vm::Paths;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A program that must be refused.
struct Refused {
    source: PathBuf,
    cause: String,
    object: PathBuf,
}

fn refused(out: &Path) -> Vec<Refused> {
    let paths = Paths::find().unwrap();
    let builder = Builder::new(&paths.root, &paths.build);
    let dir = paths.root.join("tests/refused");
    let mut sources: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    sources.sort();
    let refused = |source: PathBuf| {
        let text = fs::read_to_string(&source).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
        };
        let cause =
            field("// refused:").unwrap_or_else(|| panic!("{} names no cause", source.display()));
        let flags = field("// flags:").unwrap_or_default();
        let flags: Vec<_> = flags.split_whitespace().chain(["-w"]).collect();
        let object = builder.build_unchecked(&source, out, &flags).unwrap();
        Refused { source, cause, object }
    };
    sources.into_iter().filter(|s| s.extension().is_some_and(|e| e == "c")).map(refused).collect()
}

#[test]
fn each_is_refused_for_its_own_reason() {
    let out = tempfile::tempdir().unwrap();
    let all = refused(out.path());
    assert!(all.len() >= 12, "only {} programs in tests/refused", all.len());
    let guest =
        |refused: &Refused| format!("/{}", refused.object.file_name().unwrap().to_string_lossy());
    let files = all.iter().map(|r| guest_file(guest(r), &r.object)).collect();
    let mut engine = boot(&[], files, &[]);
    let mut wrong = Vec::new();
    for refused in &all {
        let name = refused.source.file_name().unwrap().to_string_lossy().into_owned();
        let found = match PolicyObject::read(&refused.object) {
            Err(ObjectError::ForeignType { .. }) => "foreign-type".to_owned(),
            Err(ObjectError::NoStructOps(_)) => "no-struct-ops".to_owned(),
            Err(error) => format!("{error}"),
            Ok(object) => {
                let outcome = engine.check(&guest(refused), &BTreeMap::new(), &step).unwrap();
                let verdict = raext_bpf::verdict::explain(&outcome, &object, &[]);
                // An explanation leads to the source, says what to do, and does
                // not consist of the log.
                let text = verdict.to_string();
                println!("--- {name}\n{text}");
                if !text.contains("help: ") {
                    wrong.push(format!("{name}: no help in\n{text}"));
                }
                match verdict.cause {
                    _ if outcome.accepted => "accepted".to_owned(),
                    Some(cause) => cause.name().to_owned(),
                    None => "no cause".to_owned(),
                }
            }
        };
        if found != refused.cause {
            wrong.push(format!("{name}: found {found}, should be {}", refused.cause));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stop_clean(engine);
}

#[test]
fn the_shipped_policies_pass() {
    let policies =
        ["auto", "noop", "noop-c", "wide", "lean", "stride", "backward", "interleaved", "tree"];
    let mut engine = boot(&policies, vec![], &[]);
    for name in policies {
        let outcome = engine.check(&guest_path(name), &BTreeMap::new(), &step).unwrap();
        assert!(outcome.accepted, "{name}: {}", outcome.log);
    }
    stop_clean(engine);
}

/// Field offsets, the missing name and the missing link are the loader's to mend.
#[test]
fn the_first_program_there_ever_was_attaches() {
    let object = accepted("seed");
    let mut engine = boot(&[], vec![guest_file("/seed.bpf.o", object)], &[]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Raw, data_bytes: 32 << 20 };
    engine.set_up(device, &step).unwrap();
    let spec = Workload::SeqRead.default_spec();
    let kernel = engine.run(spec, &step).unwrap();
    engine.attach("/seed.bpf.o", &BTreeMap::new(), &step).unwrap();
    let with = engine.run(spec, &step).unwrap();
    engine.detach(&step).unwrap();
    // Had it read the wrong fields, the windows would be others.
    assert!(with.decisions > 0, "{with:?}");
    assert_eq!((with.device_reads, with.checksum), (kernel.device_reads, kernel.checksum));
    stop_clean(engine);
}

#[test]
fn without_the_module_the_verdict_names_it() {
    let mut engine = boot(&["noop"], vec![], &[]);
    engine.done(&Request::UnloadModule, &step).unwrap();
    let outcome = engine.check(&guest_path("noop"), &BTreeMap::new(), &step).unwrap();
    let object = PolicyObject::read(&raext_e2e::shipped("noop")).unwrap();
    let verdict = raext_bpf::verdict::explain(&outcome, &object, &[]);
    assert_eq!(verdict.cause.map(|c| c.name()), Some("no-module"), "{verdict}\n{}", outcome.log);
    stop_clean(engine);
}
