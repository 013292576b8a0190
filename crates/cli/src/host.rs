// SPDX-License-Identifier: GPL-2.0-only
//! `raext attach`, `detach`, `list`: policies on the running kernel.

use crate::args::{AttachArgs, DetachArgs, ListArgs};
use crate::check::source_roots;
use crate::exit::Stop;
use crate::policy;
use crate::steps::Steps;
use anyhow::Result;
use raext_load::{Attached, Attempt};
use std::collections::BTreeMap;

/// Attach; the link is pinned, or held until the command ends.
pub fn attach(args: &AttachArgs, steps: &Steps) -> Result<()> {
    let object = policy::object(&args.policy, &|text| steps.step(text))?;
    let set: BTreeMap<_, _> = args.set.set.iter().cloned().collect();
    steps.finish();
    let attached = match raext_load::attach(object.path(), &set)? {
        Attempt::Attached(attached) => attached,
        Attempt::Refused(outcome) => {
            println!("{}", raext_verdict::explain(&outcome, &object, &source_roots()));
            return Err(Stop::refused_silently());
        }
    };
    if args.foreground {
        return hold(attached);
    }
    let name = args.name.clone().unwrap_or_else(|| attached.name().to_owned());
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
        None => raext_load::list()?.into_iter().map(|p| p.name).collect(),
    };
    if names.is_empty() {
        println!("no policy is attached");
    }
    for name in names {
        raext_load::detach(&name)?;
        println!("detached {name}");
    }
    Ok(())
}

/// Show what is attached, with its counters.
pub fn list(args: &ListArgs) -> Result<()> {
    let pinned = raext_load::list()?;
    // The module knows those too that a process holds, or another tool pinned.
    let attached = raext_load::counters().unwrap_or_default();
    if args.json {
        let both = serde_json::json!({ "pinned": pinned, "attached": attached });
        println!("{}", serde_json::to_string_pretty(&both)?);
        return Ok(());
    }
    if pinned.is_empty() && attached.is_empty() {
        println!("no policy is attached");
        return Ok(());
    }
    println!("{:<16} {:<16} {:>6} {:>12}  HELD BY", "NAME", "POLICY", "LINK", "DECISIONS");
    for p in &pinned {
        let decisions =
            p.counters.as_ref().map_or_else(|| "-".into(), |c| c.decisions().to_string());
        println!(
            "{:<16} {:<16} {:>6} {decisions:>12}  {}",
            p.name,
            p.policy(),
            p.link_id,
            p.path.display()
        );
    }
    if pinned.is_empty() {
        for row in &attached {
            let decisions = row.decisions();
            println!("{:<16} {:<16} {:>6} {decisions:>12}  a process", "-", row.policy, "-");
        }
    }
    Ok(())
}
