// SPDX-License-Identifier: GPL-2.0-only
//! `raext check`: the verdict of the kernel's verifier, explained.

use crate::args::CheckArgs;
use crate::exit::{Exit, Result};
use crate::policy::{self, Target};
use crate::steps::Steps;
use raext_bpf::object::PolicyObject;
use raext_model::requests::Check;
use raext_model::{LoadOutcome, Progress as _};
use raext_vm::{GuestObject, Machine, Paths, Session};
use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::rc::Rc;

/// Where the object lies in the guest.
const GUEST_OBJECT: &str = "/policy.bpf.o";

/// Ask, explain, and fail if the policy is refused.
pub(crate) fn run(args: &CheckArgs, steps: &Rc<Steps>) -> Result<Exit> {
    let target = if args.host { Target::Running } else { Target::MicroVm(args.kernel.choice()) };
    let object = policy::object(&args.policy, &target, steps)?;
    let set: BTreeMap<_, _> = args.set.set.iter().cloned().collect();
    let (outcome, kernel) = if args.host {
        (raext_bpf::load::check(object.path(), &set)?, "the running kernel".to_owned())
    } else {
        in_vm(args, &object, &set, steps)?
    };
    steps.finish();
    let verdict = raext_bpf::verdict::explain(&outcome, &object, &source_roots());
    println!("{verdict}");
    if args.log {
        println!("\n--- the log of libbpf and the verifier ({kernel}) ---\n{}", outcome.log.trim());
    }
    if outcome.accepted {
        return Ok(Exit::Done);
    }
    if !args.log {
        println!("(asked: {kernel}; --log shows the whole log)");
    }
    Ok(Exit::Refused)
}

fn in_vm(
    args: &CheckArgs,
    object: &PolicyObject,
    set: &BTreeMap<String, String>,
    steps: &Rc<Steps>,
) -> Result<(LoadOutcome, String)> {
    // A wrong --set need not wait for a machine to boot.
    raext_bpf::load::check_tunables(object.path(), set)?;
    let objects = vec![GuestObject {
        guest: GUEST_OBJECT.to_owned(),
        host: object.path().to_path_buf(),
        executable: false,
    }];
    let machine = Machine { kernel: args.kernel.choice(), objects, ..Machine::default() };
    let mut session = Session::boot(machine, steps.clone())?;
    steps.step("asking the verifier");
    let outcome = session.ask(Check { object: GUEST_OBJECT.into(), set: set.clone() })?;
    let kernel = format!("kernel {} in a microVM", session.release());
    session.stop()?;
    Ok((outcome, kernel))
}

/// Folders below which a source that the object names may be found.
pub(crate) fn source_roots() -> Vec<PathBuf> {
    env::current_dir().into_iter().chain(Paths::find().map(|p| p.root).ok()).collect()
}
