// SPDX-License-Identifier: GPL-2.0-only
//! What the real verifier says of the shipped policies and of those in
//! tests/refused, each of which names the cause that must be found.

use raext_bpf::object::{ObjectError, PolicyObject};
use raext_e2e::{Refused, accepted, boot, cases, guest_file, guest_path, refused, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Workload};
use std::collections::BTreeMap;

cases! {
    each_is_refused_for_its_own_reason,
    the_shipped_policies_pass,
    the_first_program_there_ever_was_attaches,
    without_the_module_the_verdict_names_it,
}

fn each_is_refused_for_its_own_reason() {
    let all = refused();
    assert!(all.len() >= 12, "only {} programs in tests/refused", all.len());
    let name_in_guest =
        |refused: &Refused| format!("/{}", refused.object.file_name().unwrap().to_string_lossy());
    let files = all.iter().map(|r| guest_file(name_in_guest(r), &r.object)).collect();
    let mut guest = boot(&[], files, &[]);
    let mut wrong = Vec::new();
    for refused in &all {
        let name = refused.source.file_name().unwrap().to_string_lossy().into_owned();
        let found = match PolicyObject::read(&refused.object) {
            Err(ObjectError::ForeignType { .. }) => "foreign-type".to_owned(),
            Err(ObjectError::NoStructOps(_)) => "no-struct-ops".to_owned(),
            Err(error) => format!("{error}"),
            Ok(object) => {
                let outcome = guest.check(&name_in_guest(refused), &BTreeMap::new()).unwrap();
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
    stop_clean(guest);
}

fn the_shipped_policies_pass() {
    let policies =
        ["auto", "noop", "noop-c", "wide", "lean", "stride", "backward", "interleaved", "tree"];
    let mut guest = boot(&policies, vec![], &[]);
    for name in policies {
        let outcome = guest.check(&guest_path(name), &BTreeMap::new()).unwrap();
        assert!(outcome.accepted, "{name}: {}", outcome.log);
    }
    stop_clean(guest);
}

/// Field offsets, the missing name and the missing link are the loader's to mend.
fn the_first_program_there_ever_was_attaches() {
    let object = accepted("seed");
    let mut guest = boot(&[], vec![guest_file("/seed.bpf.o", object)], &[]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Raw, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let spec = Workload::SeqRead.default_spec();
    let kernel = guest.run(spec).unwrap();
    guest.attach("/seed.bpf.o", &BTreeMap::new()).unwrap();
    let with = guest.run(spec).unwrap();
    guest.detach().unwrap();
    // Had it read the wrong fields, the windows would be others.
    assert!(with.decisions > 0, "{with:?}");
    assert_eq!((with.device_reads, with.checksum), (kernel.device_reads, kernel.checksum));
    stop_clean(guest);
}

fn without_the_module_the_verdict_names_it() {
    let mut guest = boot(&["noop"], vec![], &[]);
    guest.unload_module().unwrap();
    let outcome = guest.check(&guest_path("noop"), &BTreeMap::new()).unwrap();
    let object = PolicyObject::read(&raext_e2e::shipped("noop")).unwrap();
    let verdict = raext_bpf::verdict::explain(&outcome, &object, &[]);
    assert_eq!(verdict.cause.map(|c| c.name()), Some("no-module"), "{verdict}\n{}", outcome.log);
    stop_clean(guest);
}
