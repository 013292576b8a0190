// SPDX-License-Identifier: GPL-2.0-only
//! What is refused before it can be of no effect, or of too much: a module without
//! types, a table without callbacks, a place that is not there, a guard that never trips.

use raext_e2e::device::shell;
use raext_e2e::requests::Step;
use raext_e2e::{accepted, boot, cases, guest_file, step};
use raext_kernel::Kernels;
use raext_model::requests::LoadModule;
use raext_model::{Lines, Placement};
use raext_vm::{KernelChoice, Paths};
use std::collections::BTreeMap;
use std::process::Command;
use std::rc::Rc;

cases! {
    a_policy_that_would_have_no_effect_is_not_attached,
    a_module_without_types_is_not_loaded,
}

const POLICY: &str = "/extreme.bpf.o";
const HOLLOW: &str = "/hollow.bpf.o";

fn a_policy_that_would_have_no_effect_is_not_attached() {
    let files = [POLICY, HOLLOW].map(|path| {
        let name = path.trim_start_matches('/').trim_end_matches(".bpf.o");
        guest_file(path, accepted(name))
    });
    let mut guest = boot(&[], files.into(), &[]);
    let guarded = |percent| Placement { guard_percent: percent, ..Placement::default() };
    let nowhere = Placement { cgroup_id: 1 << 40, ..Placement::default() };
    let mut attached = Vec::new();
    for (what, object, placement, sound) in [
        ("99 per cent", POLICY, guarded(99), true),
        ("100 per cent", POLICY, guarded(100), false),
        ("no callbacks", HOLLOW, Placement::default(), false),
        ("no such cgroup", POLICY, nowhere, false),
    ] {
        let outcome = guest.attach_at(object, &BTreeMap::new(), placement);
        step(&format!("{what}: {outcome:?}"));
        let is_attached = outcome.is_ok();
        if is_attached {
            guest.detach().unwrap();
        }
        if is_attached != sound {
            attached.push(what);
        }
    }
    assert!(attached.is_empty(), "not as it should be: {attached:?}");
    raext_e2e::stop_clean(guest);
}

fn a_module_without_types_is_not_loaded() {
    let paths = Paths::find().unwrap();
    let kernels = Kernels::new(&paths.cache(), Rc::new(Lines(step))).unwrap();
    let KernelChoice { want, untested } = raext_e2e::usual_kernel();
    let kernel = kernels.provide(&want, untested).unwrap();
    let out = paths.module(&kernel.release);
    let module = kernels.build_module(&kernel, &paths.root.join("kmod"), &out).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let bare = dir.path().join("bare.ko");
    let objcopy = Command::new("objcopy")
        .args(["--remove-section=.BTF", "--remove-section=.BTF.base"])
        .args([&module, &bare])
        .status();
    assert!(objcopy.unwrap().success());

    let mut guest = boot(&[], vec![guest_file("/bare.ko", bare)], &["/bin/sh".into()]);
    guest.unload_module().unwrap();
    let inserted = guest.act(vec![Step::Insert { path: "/bare.ko".into() }]).unwrap();
    let log = guest.ask(raext_model::requests::KernelLog).unwrap();
    let said = log.iter().filter(|line| line.contains("readahead_ext:")).cloned();
    let said: Vec<_> = said.filter(|line| line.contains("BTF")).collect();
    step(&format!("{inserted:?} {said:?}"));
    assert!(inserted.value(0) < 0, "the module was loaded and can attach nothing: {said:?}");
    assert!(!said.is_empty(), "the log does not say why: {log:#?}");
    // Whole, it is as before.
    guest.ask(LoadModule).unwrap();
    shell(&mut guest, "test -e /sys/module/readahead_ext");
    guest.stop().unwrap();
}
