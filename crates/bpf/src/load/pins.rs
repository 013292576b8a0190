// SPDX-License-Identifier: GPL-2.0-only
//! Policies that outlive the command: their links are pinned in bpffs.

use crate::load::LoadError;
use crate::load::attached::{AttachedPolicy, attached};
use libbpf_rs::Link;
use libbpf_rs::query::{LinkTypeInfo, StructOpsLinkInfo};
use serde::Serialize;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Where the links are pinned.
pub const PIN_DIR: &str = "/sys/fs/bpf/raext";

/// A policy whose link is pinned.
#[derive(Debug, Clone, Serialize)]
pub struct PinnedPolicy {
    /// The pin's name, by which it is detached.
    pub name: String,
    /// The pin.
    pub path: PathBuf,
    /// The link's id, as `bpftool link` shows it.
    pub link_id: u32,
    /// The id of the struct_ops map, as `bpftool map` shows it.
    pub map_id: u32,
    /// What the module knows of it; `None` where debugfs is not readable.
    pub attached: Option<AttachedPolicy>,
}

impl PinnedPolicy {
    /// The policy's own name.
    pub fn policy(&self) -> &str {
        self.attached.as_ref().map_or("-", |attached| &attached.policy)
    }
}

/// The pinned policies, by name.
///
/// # Errors
/// When the folder of pins cannot be read.
pub fn list() -> Result<Vec<PinnedPolicy>, LoadError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => LoadError::NotPermitted,
        _ => LoadError::Bpffs { path: PIN_DIR.into(), why: error.to_string() },
    };
    let entries = match fs::read_dir(PIN_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        // What is no link of a struct_ops table is not ours to show.
        found.extend(read_pin(&path));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn read_pin(path: &Path) -> Option<PinnedPolicy> {
    let mut link = Link::open(path).ok()?;
    // Looking at a link must not detach it.
    link.disconnect();
    let info = link.info().ok()?;
    let LinkTypeInfo::StructOps(StructOpsLinkInfo { map_id, .. }) = info.info else {
        return None;
    };
    let attached = attached().and_then(|table| table.into_iter().find(|p| p.link == info.id));
    Some(PinnedPolicy {
        name: path.file_name()?.to_string_lossy().into_owned(),
        path: path.to_path_buf(),
        link_id: info.id,
        map_id,
        attached,
    })
}

/// Remove a pin, and with it the policy; returns when its place is free.
///
/// # Errors
/// When there is no such pin or it cannot be removed.
pub fn detach(name: &str) -> Result<(), LoadError> {
    let path = Path::new(PIN_DIR).join(name);
    let pinned = list()?.into_iter().find(|pin| pin.name == name);
    let Some(pinned) = pinned else {
        return Err(LoadError::NoSuchPin(name.to_owned()));
    };
    fs::remove_file(&path)
        .map_err(|error| LoadError::Bpffs { path: path.clone(), why: error.to_string() })?;
    await_end(pinned.link_id);
    Ok(())
}

/// The kernel lets go of an unpinned link a little later (by a work queue), and
/// of its id a little before the policy's place is free.
fn await_end(link_id: u32) {
    let alive = || libbpf_rs::query::LinkInfoIter::default().any(|link| link.id == link_id);
    let in_place = || attached().is_some_and(|table| table.iter().any(|p| p.link == link_id));
    for _ in 0..500 {
        if !alive() && !in_place() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
}
