// SPDX-License-Identifier: GPL-2.0-only
//! Policies that outlive the command: their links are pinned in bpffs.

use crate::load::attached::{AttachedPolicy, attached};
use crate::load::release::{self, Resource, await_release};
use crate::load::{LoadError, capture};
use libbpf_rs::Link;
use libbpf_rs::query::{LinkTypeInfo, StructOpsLinkInfo};
use raext_model::Progress;
use serde::Serialize;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

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
    /// The module's row of it; `None` where debugfs is not readable.
    pub attached: Option<AttachedPolicy>,
}

impl PinnedPolicy {
    /// The policy's own name.
    pub fn policy(&self) -> &str {
        self.attached.as_ref().map_or("-", |attached| &attached.policy)
    }
}

/// A file among the pins that is no policy's link, or cannot be opened.
#[derive(Debug, Clone, Serialize)]
pub struct UnreadablePin {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub why: String,
}

impl UnreadablePin {
    fn error(self) -> LoadError {
        LoadError::UnreadablePin { path: self.path, why: self.why }
    }
}

/// The content of [`PIN_DIR`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct Pins {
    /// The pinned policies, by name.
    pub policies: Vec<PinnedPolicy>,
    /// Everything else, by path.
    pub unreadable: Vec<UnreadablePin>,
}

impl Pins {
    /// The policy that is pinned by this name.
    ///
    /// # Errors
    /// When there is no such pin, or it is no policy's.
    pub fn named(self, name: &str) -> Result<PinnedPolicy, LoadError> {
        let Self { policies, unreadable } = self;
        if let Some(pin) = policies.into_iter().find(|pin| pin.name == name) {
            return Ok(pin);
        }
        let path = Path::new(PIN_DIR).join(name);
        Err(match unreadable.into_iter().find(|pin| pin.path == path) {
            Some(pin) => pin.error(),
            None => LoadError::NoSuchPin(name.to_owned()),
        })
    }
}

/// Look at all pins.
///
/// # Errors
/// When the folder of pins cannot be read.
pub fn pins() -> Result<Pins, LoadError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => LoadError::NotPermitted,
        _ => LoadError::Bpffs { path: PIN_DIR.into(), why: error.to_string() },
    };
    let entries = match fs::read_dir(PIN_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Pins::default()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut pins = Pins::default();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        match read_pin(&path) {
            Ok(policy) => pins.policies.push(policy),
            Err(why) => pins.unreadable.push(UnreadablePin { path, why }),
        }
    }
    pins.policies.sort_by(|a, b| a.name.cmp(&b.name));
    pins.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(pins)
}

fn read_pin(path: &Path) -> Result<PinnedPolicy, String> {
    let opened = || {
        // libbpf opens a pinned map or program as a link, too, and would misread it.
        if !release::pinned(path)?.lines().any(|line| line == "link_type:\tstruct_ops") {
            return Ok(None);
        }
        // Dropping the link closes its descriptor, and the pin keeps the policy. A link
        // that is disconnected would keep the descriptor, and so the policy, in use.
        Link::open(path)?.info().map(Some)
    };
    let (info, _) = capture::capture(opened);
    let info = info.map_err(|error: libbpf_rs::Error| format!("{error:#}"))?;
    let Some((id, LinkTypeInfo::StructOps(StructOpsLinkInfo { map_id, .. }))) =
        info.map(|info| (info.id, info.info))
    else {
        return Err("it is not the link of a policy".into());
    };
    let attached = attached().and_then(|table| table.into_iter().find(|p| p.link == id));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(PinnedPolicy { name, path: path.to_path_buf(), link_id: id, map_id, attached })
}

/// Unpin a policy and wait until the kernel has released its scope. A wait that is longer
/// than a moment is announced by a note.
///
/// # Errors
/// When there is no such pin, it cannot be removed, or the policy is held by something
/// else: the error names the holders.
pub fn detach(name: &str, progress: &dyn Progress) -> Result<(), LoadError> {
    let pinned = pins()?.named(name)?;
    let PinnedPolicy { path, link_id, .. } = pinned;
    fs::remove_file(&path)
        .map_err(|error| LoadError::Bpffs { path: path.clone(), why: error.to_string() })?;
    await_release(Resource::Link(link_id), progress).map_err(|holders| LoadError::Held {
        name: name.to_owned(),
        link_id,
        holders,
    })
}
