// SPDX-License-Identifier: GPL-2.0-only
//! `raext attach`, `swap`, `detach`: policies on the running kernel.

use crate::args::{AttachArgs, DetachArgs, SwapArgs};
use crate::check::source_roots;
use crate::exit::{Exit, Result};
use crate::policy::{self, Target};
use crate::steps::Steps;
use crate::{list, place};
use raext_bpf::load::{Attached, Attempt, Swapped};
use raext_model::{Placement, Progress as _};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Attach; the link is pinned, or held until the command ends.
pub(crate) fn attach(args: &AttachArgs, steps: &Rc<Steps>) -> Result<Exit> {
    let object = policy::object(&args.policy, &Target::Running, steps)?;
    let set: BTreeMap<_, _> = args.set.set.iter().cloned().collect();
    steps.finish();
    let placement = Placement {
        cgroup_id: args.cgroup.as_deref().map_or(Ok(0), place::cgroup_id)?,
        dev: args.device.as_deref().map_or(Ok(0), place::device)?,
        guard_percent: args.guard.unwrap_or(0),
    };
    let name = args.name.clone().unwrap_or_else(|| object.name().to_owned());
    if !args.foreground {
        // A policy whose pin is refused is never attached.
        raext_bpf::load::pin_path(&name)?;
    }
    let attached = match raext_bpf::load::attach(object.path(), &set, &placement)? {
        Attempt::Attached(attached) => attached,
        Attempt::Refused(outcome) => {
            println!("{}", raext_bpf::verdict::explain(&outcome, &object, &source_roots()));
            return Ok(Exit::Refused);
        }
    };
    if args.foreground {
        hold(attached, steps)?;
        return Ok(Exit::Done);
    }
    let pinned = attached.pin(&name)?;
    println!(
        "attached {name} (pinned at {}); detach it with `raext detach {name}`",
        pinned.display()
    );
    Ok(Exit::Done)
}

/// Wait for the user or the system to end the command, then detach the policy.
fn hold(attached: Attached, steps: &Steps) -> Result<()> {
    let name = attached.name().to_owned();
    let mut signals = crate::signals::watch()?;
    println!("attached {name} until this command ends (Ctrl-C)");
    signals.forever().next();
    attached.detach(steps)?;
    println!("detached {name}");
    Ok(())
}

/// Unpin one policy or all of them. One that cannot be detached does not keep the others
/// attached.
pub(crate) fn detach(args: &DetachArgs, steps: &Steps) -> Result<()> {
    let mut last = None;
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => {
            let pins = raext_bpf::load::pins()?;
            list::warn_of(&pins, steps);
            pins.policies.into_iter().map(|pin| pin.name).collect()
        }
    };
    if names.is_empty() {
        println!("no policy is pinned");
    }
    for name in names {
        match raext_bpf::load::detach(&name, steps) {
            Ok(()) => println!("detached {name}"),
            Err(error) => {
                // The last one ends the command.
                if let Some(error) = last.replace(error) {
                    steps.note(&error.to_string());
                }
            }
        }
    }
    Ok(last.map_or(Ok(()), Err)?)
}

/// Put another policy into the place of a pinned one.
pub(crate) fn swap(args: &SwapArgs, steps: &Rc<Steps>) -> Result<Exit> {
    let object = policy::object(&args.policy, &Target::Running, steps)?;
    let set: BTreeMap<_, _> = args.set.set.iter().cloned().collect();
    steps.finish();
    match raext_bpf::load::swap(&args.name, object.path(), &set)? {
        Swapped::Done(policy) => {
            println!("{} is now {policy}", args.name);
            Ok(Exit::Done)
        }
        Swapped::Refused(outcome) => {
            println!("{}", raext_bpf::verdict::explain(&outcome, &object, &source_roots()));
            Ok(Exit::Refused)
        }
    }
}
