// SPDX-License-Identifier: GPL-2.0-only
//! A policy that decides: attached, and held by a process or a pin.

use crate::load::attached::{AttachedPolicy, attached};
use crate::load::loaded::{errno, load, outcome};
use crate::load::pins::{PIN_DIR, pins};
use crate::load::release::{Resource, await_release};
use crate::load::{LoadError, capture};
use crate::object::PolicyObject;
use libbpf_rs::{Link, MapCore as _, MapType, Object};
use raext_model::{LoadOutcome, Placement, Progress};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The system's number for a place that is taken.
pub(super) const EBUSY: i32 = 16;

/// The outcome of an attempt to attach.
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
    pub(crate) name: String,
    pub(crate) link: Link,
    pub(crate) placement: Placement,
    // The kernel holds the programs by the link; libbpf's own handles are kept
    // for as long as we are.
    pub(crate) _object: Object,
}

/// Load a policy and attach it.
///
/// # Errors
/// When the object file or a tunable is wrong, when the environment cannot load
/// it, or when its place is taken. A policy that the verifier refuses is no
/// error.
pub fn attach(
    path: &Path,
    set: &BTreeMap<String, String>,
    placement: &Placement,
) -> Result<Attempt, LoadError> {
    if !Path::new("/sys/module/readahead_ext").exists() {
        return Err(LoadError::NoModule);
    }
    let policy = PolicyObject::read(path)?;
    let (mut object, said) = match load(&policy, set, placement)? {
        (Ok(object), said) => (object, said),
        (Err(error), said) => return Ok(Attempt::Refused(outcome(Some(&error), said))),
    };
    let name = policy.name().to_owned();
    match link(&mut object) {
        Ok(link) => {
            Ok(Attempt::Attached(Attached { name, link, placement: *placement, _object: object }))
        }
        Err((EBUSY, _)) => Err(busy(placement)),
        Err((_, why)) => Err(LoadError::Attach { name, why: format!("{why} {}", said.trim()) }),
    }
}

/// Attach the object's table by a link; else the system's number and its words.
pub(super) fn link(object: &mut Object) -> Result<Link, (i32, String)> {
    let (link, said) = capture::capture(|| {
        let mut table = object
            .maps_mut()
            .find(|map| map.map_type() == MapType::StructOps)
            .ok_or_else(|| (0, "the object has no struct_ops map".to_owned()))?;
        table.attach_struct_ops().map_err(|error| (errno(&error), format!("{error:#}")))
    });
    link.map_err(|(number, why)| (number, format!("{why} {}", said.trim())))
}

/// EBUSY has two reasons: the place is taken, or the kernel's functions are.
fn busy(placement: &Placement) -> LoadError {
    let Some(table) = attached() else {
        let holder = "a policy whose name is in debugfs, which is not readable".into();
        return LoadError::Busy { holder };
    };
    match table.iter().find(|policy| policy.has_place(placement)) {
        Some(policy) => LoadError::Busy { holder: pinned_as(policy) },
        None => LoadError::HooksHeld,
    }
}

/// The policy with the name that it is pinned by, if it is.
fn pinned_as(policy: &AttachedPolicy) -> String {
    let pins = pins().unwrap_or_default();
    match pins.policies.into_iter().find(|pin| pin.link_id == policy.link) {
        Some(pin) => format!("'{}' ({policy})", pin.name),
        None => policy.to_string(),
    }
}

/// Where a policy would be pinned by this name.
///
/// # Errors
/// When the name is taken or no file's.
pub fn pin_path(name: &str) -> Result<PathBuf, LoadError> {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(sound) {
        return Err(LoadError::BadName(name.to_owned()));
    }
    let path = Path::new(PIN_DIR).join(name);
    if path.exists() { Err(LoadError::NameTaken(name.to_owned())) } else { Ok(path) }
}

impl Attached {
    /// The policy's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the link.
    ///
    /// # Errors
    /// When the kernel does not report it.
    pub fn link_id(&self) -> Result<u32, LoadError> {
        let info = self.link.info().map_err(|error| LoadError::Attach {
            name: self.name.clone(),
            why: format!("its link has no id: {error:#}"),
        })?;
        Ok(info.id)
    }

    /// Close the link and wait until the kernel has released the policy's scope. A wait
    /// that is longer than a moment is announced by a note.
    ///
    /// # Errors
    /// When something else holds the link: the error names the holders.
    pub fn detach(self, progress: &dyn Progress) -> Result<(), LoadError> {
        let (name, link_id) = (self.name.clone(), self.link_id()?);
        drop(self);
        await_release(Resource::Link(link_id), progress).map_err(|holders| LoadError::Held {
            name,
            link_id,
            holders,
        })
    }

    /// Detach, and attach the same loaded program anew.
    ///
    /// # Errors
    /// When something else holds the link, or the kernel refuses the new one.
    pub fn attach_again(self, progress: &dyn Progress) -> Result<Self, LoadError> {
        let link_id = self.link_id()?;
        let Self { name, link: old, placement, _object: mut object } = self;
        drop(old);
        await_release(Resource::Link(link_id), progress).map_err(|holders| LoadError::Held {
            name: name.clone(),
            link_id,
            holders,
        })?;
        match link(&mut object) {
            Ok(link) => Ok(Self { name, link, placement, _object: object }),
            Err((EBUSY, _)) => Err(busy(&placement)),
            Err((_, why)) => Err(LoadError::Attach { name, why }),
        }
    }

    /// Pin the link in bpffs, so that the policy outlives this process.
    ///
    /// # Errors
    /// When the name is taken or no file's, or bpffs is not there; the policy
    /// is detached then.
    pub fn pin(mut self, name: &str) -> Result<PathBuf, LoadError> {
        let path = pin_path(name)?;
        let bpffs = |why: String| LoadError::Bpffs { path: path.clone(), why };
        fs::create_dir_all(PIN_DIR).map_err(|error| bpffs(error.to_string()))?;
        let (pinned, _) = capture::capture(|| self.link.pin(&path));
        pinned.map_err(|error| bpffs(error.to_string()))?;
        Ok(path)
    }
}
