// SPDX-License-Identifier: GPL-2.0-only
//! What the real verifier says of the shipped policies and of those in
//! tests/refused, each of which names the cause that must be found.

use raext_bpf::object::{ObjectError, PolicyObject};
use raext_e2e::{
    Refused, accepted, boot, cases, guest_file, guest_path, raext, refused, stop_clean,
};
use raext_model::{Classified as _, Device, DeviceProfile, Fs, Kind, Sample, Workload};
use std::collections::BTreeMap;
use std::process::Command;

cases! {
    each_is_refused_for_its_own_reason,
    the_shipped_policies_pass,
    the_first_program_there_ever_was_attaches,
    a_table_of_another_header_has_a_scope_and_a_guard,
    a_state_that_is_read_at_other_places_is_refused,
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

/// Field offsets, the missing name and the missing link are the loader's to mend. The program
/// is compiled with structs of its own, with libbpf's headers, and with vmlinux.h.
fn the_first_program_there_ever_was_attaches() {
    let objects = ["seed", "seed_libbpf", "seed_vmlinux"];
    let path = |name: &str| format!("/{name}.bpf.o");
    let files = objects.map(|name| guest_file(path(name), accepted(name)));
    let mut guest = boot(&[], files.to_vec(), &[]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Raw, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let spec = Workload::SeqRead.default_spec();
    let kernel = guest.run(spec).unwrap();
    for name in objects {
        guest.attach(&path(name), &BTreeMap::new()).unwrap();
        let with = guest.run(spec).unwrap();
        guest.detach().unwrap();
        // Had it read the wrong fields, the windows would be others.
        assert!(with.decisions > 0, "{name}: {with:?}");
        let reads = |sample: &Sample| (sample.device_reads, sample.checksum);
        assert_eq!(reads(&with), reads(&kernel), "{name}");
    }
    stop_clean(guest);
}

/// A table that lacks the members of a scope, and one in another order, in the commands of
/// the host. What `check` accepts can be attached anywhere, and swapped.
fn a_table_of_another_header_has_a_scope_and_a_guard() {
    let objects = ["seed", "reordered"].map(|name| (name, format!("/{name}.bpf.o")));
    let files = objects.iter().map(|(name, path)| guest_file(path, accepted(name)));
    let mut guest = boot(&[], files.chain([raext()]).collect(), &[]);
    let mut run = |words: &[&str]| {
        let argv: Vec<_> = ["/bin/raext"].iter().chain(words).copied().collect();
        let (status, out, error) = guest.exec(&argv).unwrap();
        assert_eq!(status, 0, "{words:?}: {out}{error}");
        out
    };
    for (name, path) in &objects {
        assert!(run(&["check", "--host", path]).contains("accepted"), "{name}");
        run(&["attach", path, "--name", name, "--device", "7:1", "--guard", "30"]);
        let list = run(&["list"]);
        assert!(list.contains("7:1") && list.contains("30"), "{name}: {list}");
        for (_, other) in &objects {
            run(&["swap", name, other]);
            let list = run(&["list"]);
            assert!(list.contains("7:1") && list.contains("30"), "{name}, {other}: {list}");
        }
        run(&["detach", name]);
    }
    stop_clean(guest);
}

/// A state of the author's own, compiled without `raext build`: nothing moves its fields.
const UNMOVED: &str = r#"
    #define SEC(name) __attribute__((section(name), used))
    struct bpf_fs_readahead_state {
        int i_ino;
        unsigned int size, async_size, ra_pages;
    };
    struct bpf_fs_readahead_ops {
        int (*get_max_ra)(struct bpf_fs_readahead_state *s);
    };
    char _license[] SEC("license") = "GPL";
    SEC("struct_ops/max")
    int max(unsigned long long *ctx)
    {
        struct bpf_fs_readahead_state *s = (void *)ctx[0];
        return s->ra_pages;
    }
    SEC(".struct_ops")
    struct bpf_fs_readahead_ops unmoved = { .get_max_ra = (void *)max };
"#;

fn a_state_that_is_read_at_other_places_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (source, object) = (dir.path().join("unmoved.c"), dir.path().join("unmoved.o"));
    std::fs::write(&source, UNMOVED).unwrap();
    let mut clang = Command::new("clang-22");
    clang.args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-c"]).arg(&source);
    assert!(clang.arg("-o").arg(&object).status().unwrap().success());
    let mut guest = boot(&[], vec![guest_file("/unmoved.bpf.o", object)], &[]);
    let error = guest.check("/unmoved.bpf.o", &BTreeMap::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    let text = error.to_string();
    assert!(text.contains("reads `size` of the state at byte 4"), "{text}");
    assert!(text.contains("at byte 8") && text.contains("raext build"), "{text}");
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
