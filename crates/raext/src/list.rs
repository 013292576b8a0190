// SPDX-License-Identifier: GPL-2.0-only
//! `raext list`: the attached policies with their scope, age and owner.

use crate::args::ListArgs;
use crate::exit::Result;
use crate::place;
use crate::steps::Steps;
use raext_bpf::load::{AttachedPolicy, PinnedPolicy, Pins};
use raext_model::{IoExt as _, Progress as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Show what is attached.
pub(crate) fn run(args: &ListArgs, steps: &Steps) -> Result<()> {
    let pins = raext_bpf::load::pins()?;
    if !args.json {
        warn_of(&pins, steps);
    }
    let Pins { policies: pinned, unreadable } = pins;
    // The module also lists policies that a process holds, or that another tool pinned.
    let attached = raext_bpf::load::attached();
    if args.json {
        let both =
            serde_json::json!({ "pinned": pinned, "attached": attached, "unreadable": unreadable });
        println!("{}", serde_json::to_string_pretty(&both).ours("writing", Path::new("JSON"))?);
        return Ok(());
    }
    let Some(attached) = attached else {
        return without_the_module(&pinned);
    };
    if attached.is_empty() {
        println!("no policy is attached");
        return Ok(());
    }
    println!(
        "{:<16} {:<16} {:>5} {:<28} {:<16} {:<8} {:<24} GUARD",
        "NAME", "POLICY", "LINK", "CGROUP", "DEVICE", "SINCE", "BY"
    );
    for policy in &attached {
        let pin = pinned.iter().find(|pin| pin.link_id == policy.link);
        println!(
            "{:<16} {:<16} {:>5} {:<28} {:<16} {:<8} {:<24} {}",
            pin.map_or("(a process's)", |pin| &pin.name),
            policy.policy,
            policy.link,
            cgroup(policy),
            device(policy),
            age(policy.since),
            format!("{}[{}] uid {}", policy.comm, policy.pid, policy.uid),
            guard(policy),
        );
    }
    Ok(())
}

/// Report each pin that is not a policy's link or cannot be opened.
pub(crate) fn warn_of(pins: &Pins, steps: &Steps) {
    for pin in &pins.unreadable {
        steps.note(&format!("{}: not shown: {}", pin.path.display(), pin.why));
    }
}

/// Without debugfs, the pins are visible and the counters of their policies are not.
fn without_the_module(pinned: &[PinnedPolicy]) -> Result<()> {
    if pinned.is_empty() {
        println!("no policy is attached");
    }
    for pin in pinned {
        println!("{} (pinned at {}; debugfs is not readable)", pin.name, pin.path.display());
    }
    Ok(())
}

fn cgroup(policy: &AttachedPolicy) -> String {
    match policy.cgroup_id {
        0 => "any".into(),
        id => place::cgroup_path(id)
            .map_or_else(|| format!("{id} (gone)"), |path| path.display().to_string()),
    }
}

fn device(policy: &AttachedPolicy) -> String {
    match policy.dev {
        (0, 0) => "any".into(),
        (major, minor) => place::show_dev(major, minor),
    }
}

fn guard(policy: &AttachedPolicy) -> String {
    let AttachedPolicy { guard_percent, used, unused, tripped_cgroups, .. } = *policy;
    if policy.slow {
        return "PUT ASIDE: its callbacks took over 10 ms; the kernel decides".into();
    }
    if guard_percent == 0 {
        return "off".into();
    }
    let share = 100 * unused / (used + unused).max(1);
    let state = match tripped_cgroups {
        0 => "on".to_owned(),
        1 => "TRIPPED for a cgroup: the kernel decides there".to_owned(),
        n => format!("TRIPPED for {n} cgroups: the kernel decides there"),
    };
    format!("{state}, {share}% of {} pages unused, limit {guard_percent}%", used + unused)
}

fn age(since: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let seconds = now.saturating_sub(since.try_into().unwrap_or(0));
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let ago = |seconds: i64| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
            age(now - seconds)
        };
        assert_eq!(ago(3 * 3600 + 5 * 60), "3h5m");
        assert_eq!(ago(49 * 3600), "2d1h");
        assert_eq!(age(i64::MAX), "0s");
    }
}
