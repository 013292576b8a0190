// SPDX-License-Identifier: GPL-2.0-only
//! Requests about the machine: its modules, mounts, log and end.

use crate::request;
use serde::{Deserialize, Serialize};

/// Load the kernel module `readahead_ext`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadModule;
request!(LoadModule, "load_module" => ());

/// Run a program of the guest to its end, with no input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The program and its arguments.
    pub argv: Vec<String>,
}
request!(Exec, "exec" => Exit);

impl Exec {
    /// The request for a program and its arguments.
    pub fn new(argv: &[&str]) -> Self {
        Self { argv: argv.iter().map(|&arg| arg.to_owned()).collect() }
    }
}

/// The end of a program that [`Exec`] ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit status, or 128 + signal.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Mount a share of the host at `/shares/TAG`, read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountShare {
    /// Its tag.
    pub tag: String,
}
request!(MountShare, "mount_share" => ());

/// Mount a disk with ext4 at `/disks/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountDisk {
    /// Its name.
    pub name: String,
    /// Make an empty file system on it first.
    pub make: bool,
    /// Mount it read-only.
    pub read_only: bool,
}
request!(MountDisk, "mount_disk" => ());

/// Unmount a disk. All writes are in its image file then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmountDisk {
    /// Its name.
    pub name: String,
}
request!(UnmountDisk, "unmount_disk" => ());

/// Read the kernel's log since boot: warnings and worse, one line each, oldest
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelLog;
request!(KernelLog, "kernel_log" => Vec<String>);

/// Switch the machine off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerOff;
request!(PowerOff, "power_off" => ());
