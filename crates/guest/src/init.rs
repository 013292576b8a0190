// SPDX-License-Identifier: GPL-2.0-only
//! Process 1: mounts, one child, its orphans, and the end.

use crate::error::Context;
use raext_model::Failure;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::process::{WaitOptions, WaitStatus, wait};
use rustix::system::{RebootCommand, reboot};
use std::ffi::CStr;
use std::fs;
use std::io::Write;
use std::process::Command;

/// What is mounted before anything else: file system, where, options.
const MOUNTS: [(&str, &str, Option<&CStr>); 9] = [
    ("devtmpfs", "/dev", None),
    ("proc", "/proc", None),
    ("sysfs", "/sys", None),
    ("tmpfs", "/run", Some(c"mode=0755")),
    ("tmpfs", "/tmp", None),
    ("cgroup2", "/sys/fs/cgroup", None),
    ("bpf", "/sys/fs/bpf", None),
    ("debugfs", "/sys/kernel/debug", None),
    ("tracefs", "/sys/kernel/tracing", None),
];

/// Where programs of the guest are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The life of process 1. It never returns: a process 1 that ends is a panic.
pub(crate) fn run() -> ! {
    if let Err(failure) = live() {
        eprintln!("raext-agent: {failure}");
    }
    power_off();
}

fn live() -> Result<(), Failure> {
    for (kind, place, options) in MOUNTS {
        mount_at(kind, place, options)?;
    }
    let child = Command::new("/proc/self/exe")
        .arg("serve")
        .env_clear()
        .envs([("PATH", PATH), ("HOME", "/"), ("LC_ALL", "C"), ("RUST_BACKTRACE", "1")])
        .spawn()
        .context(|| "start the agent".into())?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().cast_unsigned() == child.id() => {
                return match (status.exit_status(), status.terminating_signal()) {
                    (Some(0), _) => Ok(()),
                    _ => Err(Failure { what: "the agent ended".into(), why: describe(status) }),
                };
            }
            // An orphan, now at rest.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context(|| "wait for the agent".into()),
        }
    }
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (_, Some(signal)) => format!("killed by signal {signal}"),
        _ => format!("wait status {status:?}"),
    }
}

/// Mount a file system without a device, making the directory if needed.
///
/// # Errors
/// When the directory cannot be made or the kernel refuses the mount.
pub(crate) fn mount_at(kind: &str, place: &str, options: Option<&CStr>) -> Result<(), Failure> {
    // sysfs makes its own mount points; there the directory always exists.
    fs::create_dir_all(place).context(|| format!("make {place}"))?;
    match mount(kind, place, kind, MountFlags::empty(), options) {
        // Already there: the kernel mounts devtmpfs itself if so configured.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(error) => Err(error).context(|| format!("mount {kind} on {place}")),
    }
}

/// End the machine: QEMU runs with `-no-reboot`, so a restart is the end, and
/// a quicker one than the way through ACPI.
pub(crate) fn power_off() -> ! {
    // The last words must be on the console before the machine is gone.
    let _ = std::io::stderr().flush();
    rustix::fs::sync();
    let _ = reboot(RebootCommand::Restart);
    // Only reached without the right to do so. As process 1 this ends in a
    // kernel panic, which the host reports.
    std::process::exit(1);
}
