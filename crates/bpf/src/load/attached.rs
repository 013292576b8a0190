// SPDX-License-Identifier: GPL-2.0-only
//! The attached policies with their scope, age and owner, as the module lists them.

use crate::load::table::{self, Row};
use raext_model::{Placement, kernel_dev};
use serde::Serialize;
use std::fmt;

/// An attached policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachedPolicy {
    /// The id of its link, as `bpftool link` shows it; 0 if it was attached
    /// without one.
    pub link: u32,
    /// Its own name.
    pub policy: String,
    /// The cgroup whose tasks it decides for; 0 for all.
    pub cgroup_id: u64,
    /// The device whose files it decides for, major and minor; zeros for all.
    pub dev: (u32, u32),
    /// When it was attached or put into another's place, seconds since 1970.
    pub since: i64,
    /// The user that did.
    pub uid: u32,
    /// The process that did.
    pub pid: i32,
    /// The name of that process.
    pub comm: String,
    /// The guard's limit of waste, percent; 0 without a guard.
    pub guard_percent: u32,
    /// Pages that it brought in and that were used; counted with a guard only.
    pub used: u64,
    /// Pages that it brought in and that were dropped unused; likewise.
    pub unused: u64,
    /// Whether the guard has put the kernel's own readahead back, for any cgroup.
    pub tripped: bool,
    /// For how many cgroups it has.
    pub tripped_cgroups: u32,
    /// Whether the kernel decides since callbacks took too long.
    pub slow: bool,
}

/// The table, or `None` where it cannot be read (no module, no debugfs, not
/// root).
pub fn attached() -> Option<Vec<AttachedPolicy>> {
    table::read("policies")?.iter().map(policy_of).collect()
}

fn policy_of(row: &Row) -> Option<AttachedPolicy> {
    let (major, minor) = row.word("dev")?.split_once(':')?;
    Some(AttachedPolicy {
        // The kernel has not numbered a link that is just being made.
        link: if row.word("link")? == "-" { 0 } else { row.number("link")? },
        policy: row.word("name")?.to_owned(),
        cgroup_id: row.number("cgroup")?,
        dev: (major.parse().ok()?, minor.parse().ok()?),
        since: row.number("since")?,
        uid: row.number("uid")?,
        pid: row.number("pid")?,
        comm: row.word("comm")?.to_owned(),
        guard_percent: row.number("guard")?,
        used: row.number("used")?,
        unused: row.number("unused")?,
        tripped: row.number::<u32>("tripped")? != 0,
        tripped_cgroups: row.number("tripped")?,
        slow: row.number::<u32>("slow")? != 0,
    })
}

impl AttachedPolicy {
    /// Where it decides and how it is guarded.
    pub fn placement(&self) -> Placement {
        Placement {
            cgroup_id: self.cgroup_id,
            dev: kernel_dev(self.dev.0, self.dev.1),
            guard_percent: self.guard_percent,
        }
    }

    /// Whether another one cannot be attached beside it.
    pub fn has_place(&self, placement: &Placement) -> bool {
        let own = self.placement();
        own.cgroup_id == placement.cgroup_id && own.dev == placement.dev
    }
}

impl fmt::Display for AttachedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, comm, pid, uid, .. } = self;
        write!(f, "{policy}, attached by {comm}, process {pid} of user {uid}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_understood() {
        let text = "link name cgroup dev since uid pid comm guard used unused tripped slow\n\
                    4 wide 77 8:1 1700000000 0 42 raext 60 10 2 3 1\n";
        let policy = policy_of(&table::parse(text).unwrap()[0]).unwrap();
        assert_eq!(policy.to_string(), "wide, attached by raext, process 42 of user 0");
        assert!(policy.tripped && policy.slow && policy.tripped_cgroups == 3);
        let placement = Placement { cgroup_id: 77, dev: 0x80_0001, guard_percent: 0 };
        assert!(policy.has_place(&placement));
        assert!(!policy.has_place(&Placement { dev: 0, ..placement }));
    }
}
