// SPDX-License-Identifier: GPL-2.0-only
//! Replaces an attached policy by another one, without a gap.

use crate::load::attach::{Attached, EBUSY, link};
use crate::load::loaded::{load, outcome};
use crate::load::pins::{self, PinnedPolicy};
use crate::load::{LoadError, capture};
use crate::object::PolicyObject;
use libbpf_rs::{Link, MapCore as _, MapType, Object};
use raext_model::{LoadOutcome, Placement};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

/// The outcome of an attempt to replace a policy.
#[derive(Debug)]
pub enum Swapped {
    /// The new policy decides; its own name.
    Done(String),
    /// The kernel's verifier refused it; the old one still decides.
    Refused(LoadOutcome),
}

/// Put the policy in `path` into the place of the one that is pinned as `pin`.
///
/// # Errors
/// When there is no such pin, the object file or a tunable is wrong, or the
/// kernel does not replace it. The old policy then still decides.
pub fn swap(pin: &str, path: &Path, set: &BTreeMap<String, String>) -> Result<Swapped, LoadError> {
    let PinnedPolicy { path: place, attached, .. } = pins::pins()?.named(pin)?;
    let attached = attached.ok_or_else(|| LoadError::Gone(pin.to_owned()))?;
    let (opened, said) = capture::capture(|| Link::open(&place));
    let old = opened.map_err(|error| LoadError::Bpffs {
        path: place.clone(),
        why: format!("{error:#} {}", said.trim()),
    })?;
    let replaced = replace(&old, &attached.placement(), pin, path, set)?;
    Ok(match replaced {
        Ok((name, _)) => Swapped::Done(name),
        Err(outcome) => Swapped::Refused(outcome),
    })
}

impl Attached {
    /// Put the policy in `path` into the place of this one.
    ///
    /// # Errors
    /// As [`swap`].
    pub fn swap(
        &mut self,
        path: &Path,
        set: &BTreeMap<String, String>,
    ) -> Result<Swapped, LoadError> {
        Ok(match replace(&self.link, &self.placement, &self.name, path, set)? {
            Ok((name, object)) => {
                self.name.clone_from(&name);
                self._object = object;
                Swapped::Done(name)
            }
            Err(outcome) => Swapped::Refused(outcome),
        })
    }
}

type Replaced = Result<(String, Object), LoadOutcome>;

fn replace(
    old: &Link,
    placement: &Placement,
    old_name: &str,
    path: &Path,
    set: &BTreeMap<String, String>,
) -> Result<Replaced, LoadError> {
    let policy = PolicyObject::read(path)?;
    let (mut object, said) = match load(&policy, set, placement)? {
        (Ok(object), said) => (object, said),
        (Err(error), said) => return Ok(Err(outcome(Some(&error), said))),
    };
    // Only attaching makes libbpf hand the table to the kernel. The place is
    // taken, as it should be; were it free, the old policy would be gone.
    match link(&mut object) {
        Err((EBUSY, _)) => {}
        Ok(_) => return Err(LoadError::Gone(old_name.to_owned())),
        Err((_, why)) => {
            let name = policy.name().to_owned();
            return Err(LoadError::Attach { name, why: format!("{why} {}", said.trim()) });
        }
    }
    let table = object.maps().find(|map| map.map_type() == MapType::StructOps);
    let table = table.ok_or_else(|| LoadError::Gone(old_name.to_owned()))?;
    let (link_fd, map_fd) = (old.as_fd().as_raw_fd(), table.as_fd().as_raw_fd());
    // SAFETY: both descriptors are open for the call, and no options are given.
    let failed = unsafe { libbpf_sys::bpf_link_update(link_fd, map_fd, std::ptr::null()) };
    if failed != 0 {
        return Err(LoadError::Swap {
            name: policy.name().to_owned(),
            old: old_name.to_owned(),
            why: io::Error::from_raw_os_error(-failed).to_string(),
        });
    }
    Ok(Ok((policy.name().to_owned(), object)))
}
