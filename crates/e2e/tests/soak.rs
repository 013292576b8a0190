// SPDX-License-Identifier: GPL-2.0-only
//! The soak (`make soak`, `docs/soak.md`): coming and going under load on a
//! kernel that watches its memory, its locks and its contexts, for as long as
//! `RAEXT_SOAK_MINUTES` says; and bugs planted to see that they would be seen.

use raext_build::Builder;
use raext_e2e::{boot_kernel, complaints, guest_file, guest_path, soak, step};
use raext_engine::{Engine, EngineError, GuestObject, Paths};
use raext_proto::{ChurnKind, Device, DeviceProfile, Fs, Request, Workload};
use std::collections::BTreeMap;
use std::time::Instant;

/// Attachments of a policy in one round on one file system.
const ATTACHMENTS: u32 = 15;
/// Loads of the module in one round on one file system.
const LOADS: u32 = 5;
const READERS: u32 = 4;
const DATA_BYTES: u64 = 64 << 20;
/// A policy that answers what it is told to.
const EXTREME: &str = "/extreme.bpf.o";
/// What it is told, beside the shipped policies.
const ANSWERS: [&[(&str, &str)]; 4] = [
    &[("limit", "0")],
    &[("limit", "2147483647"), ("window", "2147483647")],
    &[("window", "1")],
    &[("writes", "true"), ("size", "4294967295"), ("async_size", "4294967295")],
];
const SHIPPED: [&str; 3] = ["noop", "wide", "lean"];

/// One file system: every policy decides for workloads, and comes and goes while
/// others read; so does the module.
fn round(engine: &mut Engine, fs: Fs) {
    let device = Device { profile: DeviceProfile::Nvme, fs, data_bytes: DATA_BYTES };
    engine.set_up(device, &step).unwrap();
    let shipped = SHIPPED.iter().map(|name| (guest_path(name), BTreeMap::new()));
    let extreme = ANSWERS.iter().map(|answer| {
        let set = answer.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        (EXTREME.to_owned(), set.collect())
    });
    for (object, set) in shipped.chain(extreme) {
        step(&format!("{fs}: {object} {set:?}"));
        engine.attach(&object, &set, &step).unwrap();
        for workload in [Workload::SeqRead, Workload::MmapRandom, Workload::Interleaved] {
            engine.run(workload.default_spec(), &step).unwrap();
        }
        engine.detach(&step).unwrap();
    }
    for name in SHIPPED {
        churn(engine, ChurnKind::Attach, name, ATTACHMENTS);
    }
    engine.done(&Request::UnloadModule, &step).unwrap();
    churn(engine, ChurnKind::Module, "wide", LOADS);
    engine.done(&Request::LoadModule, &step).unwrap();
}

fn churn(engine: &mut Engine, kind: ChurnKind, policy: &str, cycles: u32) {
    step(&format!("{kind:?}, {policy}, {cycles} times"));
    let request = Request::Churn { kind, object: guest_path(policy), cycles, readers: READERS };
    engine.done(&request, &step).unwrap();
}

/// Boot the kernel of the soak.
fn boot(policies: &[&str], files: Vec<GuestObject>) -> Engine {
    boot_kernel(&soak::kernel(), policies, files, &soak::programs())
}

#[test]
fn the_kernel_has_nothing_to_complain_of() {
    let paths = Paths::find().unwrap();
    let out = tempfile::tempdir().unwrap();
    let source = paths.root.join("tests/accepted/extreme.bpf.c");
    let extreme =
        Builder::new(&paths.root, &paths.build).build(&source, out.path(), &step).unwrap();
    let mut engine = boot(&SHIPPED, vec![guest_file(EXTREME, extreme)]);

    let end = Instant::now() + soak::minutes();
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end {
        for fs in Fs::ALL {
            round(&mut engine, fs);
            soak::look(&mut engine);
        }
        rounds += 1;
        step(&format!("round {rounds} is over"));
    }
    engine.done(&Request::UnloadModule, &step).unwrap();
    let leaks = soak::leaks(&mut engine);
    assert!(leaks.is_empty(), "the kernel lost memory:\n{leaks}");
    soak::lockdep_is_on(&mut engine);
    soak::look(&mut engine);
    engine.stop().unwrap();
    step(&format!("{rounds} rounds without a complaint"));
}

/// A bug of `scripts/soak/planted`, and what the kernel says of it.
type Bug = (&'static str, &'static str);

/// Each of the kernel's watchmen, woken by a bug of ours. Those that say "BUG:"
/// come last in their machine: the host takes it for the kernel's end.
#[test]
fn planted_bugs_are_seen() {
    let machines: [(&[Bug], Bug); 3] = [
        (
            &[
                ("list-twice", "list_del corruption"),
                ("lock-inversion", "WARNING: possible circular locking dependency detected"),
            ],
            ("use-after-free", "BUG: KASAN: slab-use-after-free in use_after_free"),
        ),
        (
            &[("rcu-unprotected", "WARNING: suspicious RCU usage")],
            ("stack-overrun", "BUG: KASAN: stack-out-of-bounds in stack_overrun"),
        ),
        (&[], ("atomic-sleep", "BUG: sleeping function called from invalid context")),
    ];
    for (warned_of, (last, words_of_last)) in machines {
        let mut engine = boot(&[], vec![guest_file("/planted.ko", soak::planted())]);
        soak::look(&mut engine);
        if warned_of.is_empty() {
            soak::lockdep_is_on(&mut engine);
            plant(&mut engine, "leak").unwrap();
            let leaks = soak::leaks(&mut engine);
            // Its frames have no names: the module is gone by now.
            let seen = leaks.contains("comm \"insmod\"") && leaks.contains("(size 192)");
            assert!(seen, "no leak was seen: {leaks}");
        }
        for (bug, words) in warned_of {
            plant(&mut engine, bug).unwrap();
            let log = engine.kernel_log(&step).unwrap();
            let seen = complaints(&log).iter().any(|line| line.contains(words));
            assert!(seen, "{bug} was not seen: {log:#?}");
        }
        let error = plant(&mut engine, last).unwrap_err().to_string();
        assert!(error.contains(words_of_last), "{last} was not seen: {error}");
    }
}

/// Load the module with the bugs, which makes one and refuses to be loaded.
fn plant(engine: &mut Engine, bug: &str) -> Result<(), EngineError> {
    step(&format!("planting: {bug}"));
    let argv = ["insmod", "/planted.ko", &format!("bug={bug}")];
    let (_, _, said) = engine.exec(&argv, &step)?;
    assert!(said.contains("temporarily unavailable"), "{bug}: {said}");
    Ok(())
}
