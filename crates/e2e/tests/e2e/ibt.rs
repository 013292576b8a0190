// SPDX-License-Identifier: GPL-2.0-only
//! IBT: an indirect call must land on ENDBR, and the kernel seals those of its
//! functions that have no indirect call in the kernel. So the module's own
//! indirect calls are counted: only those to a policy's callbacks are right, which
//! begin in a BPF trampoline.

use raext_e2e::{cases, step};
use raext_kernel::Kernels;
use raext_model::Lines;
use raext_vm::{KernelChoice, Paths};
use std::collections::BTreeMap;
use std::process::Command;
use std::rc::Rc;

cases! {
    the_module_calls_nothing_by_address_but_policies,
    indirect_calls_are_told_from_direct_ones,
}

/// Indirect calls of each function, told from the disassembly: by a thunk, or
/// through a register or memory.
fn indirect_calls(disassembly: &str) -> BTreeMap<String, usize> {
    let mut function = String::new();
    let mut calls = BTreeMap::new();
    for line in disassembly.lines() {
        if let Some(name) = line.strip_suffix(">:").and_then(|l| l.split_once('<')) {
            function = name.1.to_owned();
        } else if line.contains("__x86_indirect_") || line.contains("call   *") {
            *calls.entry(function.clone()).or_default() += 1;
        }
    }
    calls
}

fn the_module_calls_nothing_by_address_but_policies() {
    let paths = Paths::find().unwrap();
    let choice = KernelChoice::default();
    let kernels = Kernels::new(&paths.cache(), Rc::new(Lines(step))).unwrap();
    let kernel = kernels.provide(&choice.want, choice.untested).unwrap();
    let (kmod, out) = (paths.root.join("kmod"), paths.module(&kernel.release));
    let module = kernels.build_module(&kernel, &kmod, &out).unwrap();
    let output = Command::new("objdump").arg("-dr").arg(&module).output().expect("objdump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = indirect_calls(&String::from_utf8_lossy(&output.stdout));
    println!("{calls:?}");
    // raext_call() of core/ask.c is where callbacks are called, inlined or not.
    let of_policies = ["raext_call.", "raext_ask"];
    // percpu_ref_put(), inline, calls the release function of what it counts.
    let of_references = ["raext_scope_put", "raext_validate"];
    // The tracepoint's probes are called by the kernel's own generated code.
    let of_trace = |name: &str| name.starts_with("__traceiter_");
    for name in calls.keys() {
        assert!(
            of_policies.iter().any(|known| name.starts_with(known))
                || of_references.contains(&name.as_str())
                || of_trace(name),
            "{name} calls by address: {calls:?}"
        );
    }
    assert!(!calls.is_empty(), "no call of a policy was found: is the disassembly understood?");
}

fn indirect_calls_are_told_from_direct_ones() {
    let text = "0000 <f>:\n   1: e8 00\tcall   6 <f+6>\n   2: ff d0\tcall   *%rax\n\
                0000 <g>:\n   1: e8 00\tcall   6 <g+6>\n\t\t\t2: R_X86_64_PLT32\t__x86_indirect_thunk_rax-0x4\n";
    let calls = indirect_calls(text);
    assert_eq!(calls, BTreeMap::from([("f".to_owned(), 1), ("g".to_owned(), 1)]));
}
