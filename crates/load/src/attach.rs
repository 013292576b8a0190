// SPDX-License-Identifier: GPL-2.0-only
//! A policy that decides: attached, and held by a process or a pin.

use crate::counters::counters;
use crate::load::{errno, load, outcome};
use crate::pins::PIN_DIR;
use crate::{LoadError, capture};
use libbpf_rs::{Link, MapCore as _, MapType, Object};
use raext_object::PolicyObject;
use raext_proto::LoadOutcome;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const EBUSY: i32 = 16;

/// What came of an attempt to attach.
#[derive(Debug)]
pub enum Attempt {
    /// The policy decides from now on.
    Attached(Attached),
    /// The kernel's verifier refused it.
    Refused(LoadOutcome),
}

/// An attached policy. Dropped, it is detached, unless it was pinned.
#[derive(Debug)]
pub struct Attached {
    name: String,
    link: Link,
    // The kernel holds the programs by the link; libbpf's own handles are kept
    // for as long as we are.
    _object: Object,
}

/// Load a policy and attach it.
///
/// # Errors
/// When the object file or a tunable is wrong, when the environment cannot load
/// it, or when its place is taken. A policy that the verifier refuses is no
/// error.
pub fn attach(path: &Path, set: &BTreeMap<String, String>) -> Result<Attempt, LoadError> {
    if !Path::new("/sys/module/readahead_ext").exists() {
        return Err(LoadError::NoModule);
    }
    let policy = PolicyObject::read(path)?;
    let (mut object, said) = match load(&policy, set)? {
        (Ok(object), said) => (object, said),
        (Err(error), said) => return Ok(Attempt::Refused(outcome(Some(&error), said))),
    };
    let name = policy.name().to_owned();
    let (link, more) = capture::capture(|| {
        let mut map = object
            .maps_mut()
            .find(|map| map.map_type() == MapType::StructOps)
            .ok_or_else(|| (0, format!("no struct_ops map came of it: {said}")))?;
        map.attach_struct_ops().map_err(|error| (errno(&error), format!("{error:#}")))
    });
    match link {
        Ok(link) => Ok(Attempt::Attached(Attached { name, link, _object: object })),
        Err((EBUSY, _)) => Err(busy()),
        Err((_, why)) => Err(LoadError::Attach { name, why: format!("{why} {}", more.trim()) }),
    }
}

/// EBUSY has two reasons: the place is taken, or the kernel's functions are.
fn busy() -> LoadError {
    match counters() {
        Some(table) if table.is_empty() => LoadError::HooksHeld,
        Some(table) => {
            let names: Vec<_> = table.into_iter().map(|row| row.policy).collect();
            LoadError::Busy { holder: names.join(", ") }
        }
        None => LoadError::Busy { holder: "its name is in debugfs, which is not readable".into() },
    }
}

impl Attached {
    /// The policy's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Pin the link in bpffs, so that the policy outlives this process.
    ///
    /// # Errors
    /// When the name is taken or no file's, or bpffs is not there; the policy
    /// is detached then.
    pub fn pin(mut self, name: &str) -> Result<PathBuf, LoadError> {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(sound) {
            return Err(LoadError::BadName(name.to_owned()));
        }
        let path = Path::new(PIN_DIR).join(name);
        if path.exists() {
            return Err(LoadError::NameTaken(name.to_owned()));
        }
        let bpffs = |why: String| LoadError::Bpffs { path: path.clone(), why };
        fs::create_dir_all(PIN_DIR).map_err(|error| bpffs(error.to_string()))?;
        let (pinned, _) = capture::capture(|| self.link.pin(&path));
        pinned.map_err(|error| bpffs(error.to_string()))?;
        Ok(path)
    }
}
