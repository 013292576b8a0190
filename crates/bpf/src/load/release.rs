// SPDX-License-Identifier: GPL-2.0-only
//! The end of an attachment: waiting for it, and finding who prevents it.
//!
//! The kernel releases a link on a work queue after its last reference is gone, the
//! policy's place a moment later, and the programs and maps after a grace period. Until
//! then the module is in use.

use crate::load::attached::attached;
use raext_model::Progress;
use serde::Serialize;
use std::fmt;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the kernel may take to release what has no reference left. The grace period
/// is long on a machine under load.
pub const RELEASED_WITHIN: Duration = Duration::from_secs(30);
/// How long a pin or a process may hold on: another command may look at the link.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);
/// A wait as short as this needs no message.
const SILENT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

/// The number of references to the module.
const REFERENCES: &str = "/sys/module/readahead_ext/refcnt";

/// A thing that the kernel releases some time after its last user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A link, by its id, and the place that its policy has.
    Link(u32),
    /// The kernel module, which each loaded policy holds.
    Module,
}

impl Resource {
    fn is_released(self) -> bool {
        match self {
            Self::Link(id) => !exists(id) && !in_table(id),
            Self::Module => fs::read_to_string(REFERENCES).map_or(true, |n| n.trim() == "0"),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(id) => write!(f, "link {id}"),
            Self::Module => f.write_str("the programs of detached policies"),
        }
    }
}

fn exists(link: u32) -> bool {
    libbpf_rs::query::LinkInfoIter::default().any(|info| info.id == link)
}

fn in_table(link: u32) -> bool {
    attached().is_some_and(|table| table.iter().any(|policy| policy.link == link))
}

/// Wait until the kernel has released the resource; false if it has not by the deadline.
pub fn released(resource: Resource, deadline: Instant) -> bool {
    loop {
        if resource.is_released() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(PAUSE);
    }
}

/// Wait as [`released`] does. A wait that is longer than a moment is announced, with the
/// holders.
///
/// # Errors
/// The holders, if the deadline passes.
pub fn await_release(resource: Resource, progress: &dyn Progress) -> Result<(), Holders> {
    let start = Instant::now();
    if released(resource, start + SILENT) {
        return Ok(());
    }
    let holders = Holders::of(resource);
    progress.note(&format!("waiting for the kernel to release {resource}: {holders}"));
    for within in [LET_GO_WITHIN, RELEASED_WITHIN] {
        if released(resource, start + within) {
            return Ok(());
        }
        let holders = Holders::of(resource);
        if !holders.found.is_empty() {
            return Err(holders);
        }
    }
    Err(Holders::of(resource))
}

/// A reference to a link or to a loaded policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Holder {
    /// A pin in a bpf file system.
    Pin(PathBuf),
    /// A descriptor of a process.
    Process {
        /// The process.
        pid: u32,
        /// Its name.
        comm: String,
        /// The descriptor.
        fd: u32,
    },
}

/// All references that were found. There may be none: the kernel may need time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders {
    resource: Resource,
    found: Vec<Holder>,
}

impl Holders {
    /// Look for them.
    pub fn of(resource: Resource) -> Self {
        let mut found = Vec::new();
        for mount in bpf_mounts() {
            add_pins(&mount, resource, &mut found);
        }
        add_processes(resource, &mut found);
        Self { resource, found }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin(path) => write!(f, "the pin {}", path.display()),
            Self::Process { pid, comm, fd } => {
                write!(f, "process {pid} ({comm}) by its descriptor {fd}")
            }
        }
    }
}

impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.found.iter();
        match (rest.next(), self.resource) {
            (Some(first), _) => {
                write!(f, "held by {first}")?;
                rest.try_for_each(|holder| write!(f, ", {holder}"))
            }
            (None, Resource::Link(id)) if !exists(id) && in_table(id) => {
                f.write_str("held by the module's table: a decision of the policy is not over")
            }
            (None, _) => {
                f.write_str("no pin and no process holds it, the grace period is not over")
            }
        }
    }
}

/// Whether the text of `/proc/PID/fdinfo/FD` is that of a reference to the resource.
fn refers_to(fdinfo: &str, resource: Resource) -> bool {
    /// `BPF_MAP_TYPE_STRUCT_OPS`
    const STRUCT_OPS: &str = "26";
    let has = |key: &str, value: &str| {
        fdinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .any(|(k, v)| k == key && v.trim() == value)
    };
    match resource {
        Resource::Link(id) => has("link_id", &id.to_string()),
        Resource::Module => has("map_type", STRUCT_OPS) || has("link_type", "struct_ops"),
    }
}

fn add_processes(resource: Resource, found: &mut Vec<Holder>) {
    let numbers = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut numbers: Vec<u32> =
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    };
    let proc = Path::new("/proc");
    for pid in numbers(proc) {
        let process = proc.join(pid.to_string());
        let fdinfo = process.join("fdinfo");
        for fd in numbers(&fdinfo) {
            // A process or a descriptor that is gone by now holds nothing.
            let text = fs::read_to_string(fdinfo.join(fd.to_string())).unwrap_or_default();
            if refers_to(&text, resource) {
                let comm = fs::read_to_string(process.join("comm")).unwrap_or_default();
                found.push(Holder::Process { pid, comm: comm.trim().to_owned(), fd });
            }
        }
    }
}

/// The bpf file systems of this mount namespace.
fn bpf_mounts() -> Vec<PathBuf> {
    mounts_of(&fs::read_to_string("/proc/self/mounts").unwrap_or_default())
}

fn mounts_of(mounts: &str) -> Vec<PathBuf> {
    let bpf = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?;
        (words.next()? == "bpf").then(|| PathBuf::from(place))
    };
    let mut places: Vec<_> = mounts.lines().filter_map(bpf).collect();
    places.sort();
    places.dedup();
    places
}

fn add_pins(folder: &Path, resource: Resource, found: &mut Vec<Holder>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => add_pins(&path, resource, found),
            Ok(_) if pinned(&path).is_ok_and(|text| refers_to(&text, resource)) => {
                found.push(Holder::Pin(path));
            }
            _ => {}
        }
    }
}

/// The kernel's description of the object that is pinned here, as in `/proc/PID/fdinfo`.
///
/// # Errors
/// When the pin cannot be opened.
pub(super) fn pinned(path: &Path) -> Result<String, libbpf_rs::Error> {
    // libbpf opens any pin as a link. Only its descriptor is used here.
    // Dropping it closes the descriptor; the pin keeps the object.
    let link = libbpf_rs::Link::open(path)?;
    let fd = link.as_fd().as_raw_fd();
    Ok(fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_tells_what_it_refers_to() {
        let link = "pos:\t0\nflags:\t02\nlink_type:\tstruct_ops\nlink_id:\t4\nmap_id:\t9\n";
        assert!(refers_to(link, Resource::Link(4)));
        assert!(!refers_to(link, Resource::Link(9)));
        assert!(refers_to(link, Resource::Module));
        let map = "pos:\t0\nmap_type:\t26\nkey_size:\t4\nmap_id:\t4\n";
        assert!(refers_to(map, Resource::Module) && !refers_to(map, Resource::Link(4)));
        assert!(!refers_to("map_type:\t1\nmap_id:\t26\n", Resource::Module));
    }

    #[test]
    fn mounts_of_bpf_are_found_once() {
        let mounts = "bpf /sys/fs/bpf bpf rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n\
                      tmpfs /run/bpf tmpfs rw 0 0\nnone /run/cilium bpf rw 0 0\n";
        assert_eq!(mounts_of(mounts), [Path::new("/run/cilium"), Path::new("/sys/fs/bpf")]);
    }

    #[test]
    fn holders_are_named() {
        let pin = Holder::Pin("/sys/fs/bpf/other".into());
        let process = Holder::Process { pid: 42, comm: "sleep".into(), fd: 3 };
        let holders = Holders { resource: Resource::Link(u32::MAX), found: vec![pin, process] };
        assert_eq!(
            holders.to_string(),
            "held by the pin /sys/fs/bpf/other, process 42 (sleep) by its descriptor 3"
        );
    }

    #[test]
    fn a_wait_for_nothing_is_silent() {
        let progress = raext_model::Lines(|text: &str| panic!("{text}"));
        assert_eq!(await_release(Resource::Link(u32::MAX), &progress), Ok(()));
    }
}
