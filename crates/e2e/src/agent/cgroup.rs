// SPDX-License-Identifier: GPL-2.0-only
//! Control groups as only tests use them: as a policy's place, and with what the
//! device reads for each.

use raext_guest::parts::{Cgroup, DeviceReads, StageContext as _, StageError};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

/// Its number, as policies know it: that of the folder's inode.
///
/// # Errors
/// When there is no such group.
pub(super) fn id(cgroup: &Cgroup) -> Result<u64, StageError> {
    fs::metadata(cgroup.path()).map(|folder| folder.ino()).at("looking at", cgroup.path())
}

/// Put the calling process into the group.
///
/// # Errors
/// When there is no such group.
pub(super) fn enter(cgroup: &Cgroup) -> Result<(), StageError> {
    cgroup.entrance()?.write_all(b"0").at("entering", cgroup.path())
}

/// Requests and bytes that its processes have had read from the device
/// `number`, as `MAJOR:MINOR`.
///
/// # Errors
/// When that is not to be read.
pub(super) fn device_reads(cgroup: &Cgroup, number: &str) -> Result<DeviceReads, StageError> {
    let path = cgroup.path().join("io.stat");
    let text = fs::read_to_string(&path).at("reading", &path)?;
    // A device that was not used has no line.
    let line = text.lines().find_map(|line| line.strip_prefix(number)).unwrap_or_default();
    let value = |name: &str| {
        let mut fields = line.split_whitespace().filter_map(|field| field.split_once('='));
        fields.find(|(field, _)| *field == name).and_then(|(_, n)| n.parse().ok())
    };
    let (requests, bytes) = (value("rios"), value("rbytes"));
    Ok(DeviceReads { requests: requests.unwrap_or(0), bytes: bytes.unwrap_or(0) })
}
