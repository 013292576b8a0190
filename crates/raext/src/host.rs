// SPDX-License-Identifier: GPL-2.0-only
//! `raext attach`, `swap`, `detach`: policies on the running kernel.

use crate::args::{AttachArgs, DetachArgs, SwapArgs};
use crate::check::source_roots;
use crate::exit::Stop;
use crate::steps::Steps;
use crate::{place, policy};
use anyhow::Result;
use raext_bpf::load::{Attached, Attempt, Swapped};
use raext_model::Placement;
use std::collections::BTreeMap;

/// Attach; the link is pinned, or held until the command ends.
pub fn attach(args: &AttachArgs, steps: &Steps) -> Result<()> {
    let object = policy::object(&args.policy, &|text| steps.step(text))?;
    let set: BTreeMap<_, _> = args.set.set.iter().cloned().collect();
    steps.finish();
    let placement = Placement {
        cgroup_id: args.cgroup.as_deref().map_or(Ok(0), place::cgroup_id)?,
        dev: args.device.as_deref().map_or(Ok(0), place::device)?,
        guard_percent: args.guard.unwrap_or(0),
    };
    let name = args.name.clone().unwrap_or_else(|| object.name().to_owned());
    if !args.foreground {
        // What cannot be pinned is not attached for a moment either.
        raext_bpf::load::pin_path(&name)?;
    }
    let attached = match raext_bpf::load::attach(object.path(), &set, &placement)? {
        Attempt::Attached(attached) => attached,
        Attempt::Refused(outcome) => {
            println!("{}", raext_bpf::verdict::explain(&outcome, &object, &source_roots()));
            return Err(Stop::refused_silently());
        }
    };
    if args.foreground {
        return hold(attached);
    }
    let pinned = attached.pin(&name)?;
    println!(
        "attached {name} (pinned at {}); `raext detach {name}` takes it away",
        pinned.display()
    );
    Ok(())
}

/// Wait for the user or the system to end the command; the policy goes with it.
fn hold(attached: Attached) -> Result<()> {
    println!("attached {} until this command ends (Ctrl-C)", attached.name());
    crate::signals::wait_for_end()?;
    drop(attached);
    println!("detached");
    Ok(())
}

/// Unpin one policy or all of them.
pub fn detach(args: &DetachArgs) -> Result<()> {
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => raext_bpf::load::list()?.into_iter().map(|p| p.name).collect(),
    };
    if names.is_empty() {
        println!("no policy is attached");
    }
    for name in names {
        raext_bpf::load::detach(&name)?;
        println!("detached {name}");
    }
    Ok(())
}

/// Put another policy into the place of a pinned one.
pub fn swap(args: &SwapArgs, steps: &Steps) -> Result<()> {
    let object = policy::object(&args.policy, &|text| steps.step(text))?;
    let set: BTreeMap<_, _> = args.set.set.iter().cloned().collect();
    steps.finish();
    match raext_bpf::load::swap(&args.name, object.path(), &set)? {
        Swapped::Done(policy) => {
            println!("{} is now {policy}", args.name);
            Ok(())
        }
        Swapped::Refused(outcome) => {
            println!("{}", raext_bpf::verdict::explain(&outcome, &object, &source_roots()));
            Err(Stop::refused_silently())
        }
    }
}
