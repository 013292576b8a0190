// SPDX-License-Identifier: GPL-2.0-only
//! The soak (`make soak`, `docs/soak.md`): coming and going under load on a
//! kernel that watches its memory, its locks and its contexts, for as long as
//! `RAEXT_SOAK_MINUTES` says; and bugs planted to see that they would be seen.

use raext_e2e::requests::{ChurnKind, StressSpec};
use raext_e2e::{Guest, accepted, boot_kernel, complaints, guest_file, guest_path, soak, step};
use raext_model::requests::{KernelLog, LoadModule};
use raext_model::{Device, DeviceProfile, Fs, Placement, Workload};
use raext_vm::{GuestObject, SessionError};
use std::collections::BTreeMap;
use std::time::Instant;

const SYSTEMS: [Fs; 4] = [Fs::Ext4, Fs::Xfs, Fs::Btrfs, Fs::Overlay];
const SHIPPED: [&str; 8] =
    ["auto", "noop", "wide", "lean", "backward", "interleaved", "stride", "noop-c"];
/// Those that the verifier is done with soon, though it is watched too: they can
/// come and go often.
const QUICK: [&str; 4] = ["noop", "wide", "lean", "noop-c"];
/// What each policy decides for when it is alone.
const WORKLOADS: [Workload; 4] =
    [Workload::SeqRead, Workload::MmapRandom, Workload::Stride, Workload::Interleaved];
/// A policy that answers what it is told to, and what it is told.
const EXTREME: &str = "/extreme.bpf.o";
const ANSWERS: [&[(&str, &str)]; 4] = [
    &[("limit", "0")],
    &[("limit", "2147483647"), ("window", "2147483647")],
    &[("window", "1")],
    &[("writes", "true"), ("size", "4294967295"), ("async_size", "4294967295")],
];
const DATA_BYTES: u64 = 64 << 20;

/// Attachments, and loads of the module, in one round on one file system.
const ATTACHMENTS: u32 = 10;
const LOADS: u32 = 4;
const READERS: u32 = 4;
/// Everything at once, in one round on one file system.
const STRESS_SECONDS: u32 = 60;

/// One file system: each policy decides alone; policies and the module come and
/// go under readers; then everything at once.
fn round(guest: &mut Guest, fs: Fs, seed: u64) {
    let device = Device { profile: DeviceProfile::Nvme, fs, data_bytes: DATA_BYTES };
    guest.set_up(device).unwrap();
    let shipped = SHIPPED.iter().map(|name| (guest_path(name), BTreeMap::new()));
    let extreme = ANSWERS.iter().map(|answer| {
        let set = answer.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        (EXTREME.to_owned(), set.collect())
    });
    for (turn, (object, set)) in shipped.chain(extreme).enumerate() {
        // Every other one is watched, and put out of office where it wastes.
        let guard_percent = if turn % 2 == 0 { 0 } else { 30 };
        let placement = Placement { guard_percent, ..Placement::default() };
        step(&format!("{fs}: {object} {set:?}, {placement:?}"));
        guest.attach_at(&object, &set, placement).unwrap();
        for workload in WORKLOADS {
            guest.run(workload.default_spec()).unwrap();
        }
        guest.detach().unwrap();
    }
    churn(guest, ChurnKind::Attach, "noop-c", ATTACHMENTS);
    guest.unload_module().unwrap();
    churn(guest, ChurnKind::Module, "wide", LOADS);
    guest.ask(LoadModule).unwrap();

    let policies = QUICK.map(guest_path).to_vec();
    let spec = StressSpec { fs, seconds: STRESS_SECONDS, seed, policies, memory_mib: 32 };
    let report = guest.stress(spec).unwrap();
    step(&format!("{report:?}"));
    assert_eq!(report.mismatches, [], "wrong data, seed {seed}");
    assert!(report.decisions > 0 && report.module_cycles > 0, "there was no load");
}

fn churn(guest: &mut Guest, kind: ChurnKind, policy: &str, cycles: u32) {
    step(&format!("{kind:?}, {policy}, {cycles} times"));
    guest.churn(kind, &guest_path(policy), cycles, READERS).unwrap();
}

/// Boot the kernel of the soak.
fn boot(policies: &[&str], files: Vec<GuestObject>) -> Guest {
    boot_kernel(&soak::kernel(), policies, files, &soak::programs())
}

#[test]
fn the_kernel_has_nothing_to_complain_of() {
    let extreme = accepted("extreme");
    let mut guest = boot(&SHIPPED, vec![guest_file(EXTREME, extreme)]);

    let end = Instant::now() + soak::minutes();
    let turns = (0..).zip(SYSTEMS.into_iter().cycle());
    for (turn, fs) in turns {
        if turn >= SYSTEMS.len() as u64 && Instant::now() > end {
            break;
        }
        round(&mut guest, fs, turn);
        soak::look(&mut guest);
        step(&format!("turn {} is over: {fs}", turn + 1));
    }
    guest.unload_module().unwrap();
    let leaks = soak::leaks(&mut guest);
    assert!(leaks.is_empty(), "the kernel lost memory:\n{leaks}");
    soak::lockdep_is_on(&mut guest);
    soak::look(&mut guest);
    guest.stop().unwrap();
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
        let mut guest = boot(&[], vec![guest_file("/planted.ko", soak::planted())]);
        soak::look(&mut guest);
        if warned_of.is_empty() {
            soak::lockdep_is_on(&mut guest);
            plant(&mut guest, "leak").unwrap();
            let leaks = soak::leaks(&mut guest);
            // Its frames have no names: the module is gone by now.
            let seen = leaks.contains("comm \"insmod\"") && leaks.contains("(size 192)");
            assert!(seen, "no leak was seen: {leaks}");
        }
        for (bug, words) in warned_of {
            plant(&mut guest, bug).unwrap();
            let log = guest.ask(KernelLog).unwrap();
            let seen = complaints(&log).iter().any(|line| line.contains(words));
            assert!(seen, "{bug} was not seen: {log:#?}");
        }
        let error = plant(&mut guest, last).unwrap_err().to_string();
        assert!(error.contains(words_of_last), "{last} was not seen: {error}");
    }
}

/// Load the module with the bugs, which makes one and refuses to be loaded.
fn plant(guest: &mut Guest, bug: &str) -> Result<(), SessionError> {
    step(&format!("planting: {bug}"));
    let argv = ["insmod", "/planted.ko", &format!("bug={bug}")];
    let (_, _, said) = guest.exec(&argv)?;
    assert!(said.contains("temporarily unavailable"), "{bug}: {said}");
    Ok(())
}
