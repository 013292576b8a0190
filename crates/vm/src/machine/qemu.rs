// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's command line.
//!
//! Measurements chose its devices, with kernel 6.12 under TCG on two
//! cores: q35 without unused devices starts fastest (2.5 s to
//! init), and 5-level page tables, which `-cpu max` offers, cost every page
//! walk a step.
//!
//! TCG runs both processors in one thread. With a thread each, QEMU 7.2 can
//! keep a translation of code that another processor has just changed: the
//! kernel then meets the breakpoint of a patch that is long complete, and
//! crashes (`Oops: int3`), which attaching a policy under four readers brought
//! about within ten cycles. One thread did not in a hundred, and the workloads
//! take as long, since they wait for the device or run on one processor.

use crate::machine::VmError;
use crate::machine::accel::Accel;
use crate::machine::config::Disk;
use raext_model::PORT_NAME;
use rustix::io::{FdFlags, fcntl_setfd};
use std::ffi::OsString;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// The command line of the kernel.
///
/// - `panic=-1 oops=panic`: any crash ends the machine at once.
/// - `loglevel=4`: errors only; each byte on a serial line is a trap. A crash
///   makes the kernel verbose by itself.
/// - `tsc=reliable no_timer_check`: a busy host makes clocks look broken.
/// - `mitigations=off`: emulating them costs much, and the guest has no secrets.
/// - `nokaslr`: the same layout in each run, for steadier measurements.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 loglevel=4 panic=-1 oops=panic log_buf_len=4M \
     tsc=reliable no_timer_check mitigations=off nokaslr";

/// A machine with a kernel and a console, which is QEMU's standard output.
pub(super) fn machine(
    qemu: &Path,
    accel: Accel,
    kernel: &Path,
    memory_mib: u32,
    cpus: u32,
) -> Command {
    // There is one clock, and one processor to drive it.
    let cpus = if accel == Accel::Counted { 1 } else { cpus };
    let mut command = Command::new(qemu);
    command
        .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"])
        .args(["-machine", "q35,sata=off,usb=off,smbus=off"])
        .args(match accel {
            Accel::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Accel::Tcg | Accel::Counted => ["-accel", "tcg,thread=single", "-cpu", "max,la57=off"],
        })
        .args(match accel {
            // Without sleep, an idle guest's clock jumps to its next timer.
            Accel::Counted => &["-icount", "shift=0,align=off,sleep=off"][..],
            Accel::Kvm | Accel::Tcg => &[],
        })
        .args(["-m", &format!("{memory_mib}M"), "-smp", &cpus.to_string()])
        .args(["-chardev", "file,id=console,path=/dev/stdout", "-serial", "chardev:console"])
        .arg("-kernel")
        .arg(kernel)
        .args(["-append", KERNEL_ARGUMENTS]);
    command
}

/// Adds the initramfs and the agent's port, a connected socket that is QEMU's
/// standard input.
pub(super) fn add_agent(command: &mut Command, initramfs: &Path) {
    command
        .arg("-initrd")
        .arg(initramfs)
        .args(["-chardev", "socket,id=agent,fd=0"])
        .args(["-device", "virtio-serial-pci,disable-legacy=on,max_ports=2"])
        .args(["-device", &format!("virtserialport,chardev=agent,name={PORT_NAME}")]);
}

/// Adds folders of the host: for each its tag, and a socket to its virtiofsd.
/// The server of the socket reads and writes the guest's memory itself, so the memory has
/// to be shareable.
pub(super) fn add_shares(command: &mut Command, memory_mib: u32, shares: Vec<(String, OwnedFd)>) {
    if shares.is_empty() {
        return;
    }
    let memory = format!("memory-backend-memfd,id=memory,size={memory_mib}M,share=on");
    command.args(["-object", &memory, "-machine", "memory-backend=memory"]);
    for (number, (tag, socket)) in shares.iter().enumerate() {
        let fd = socket.as_raw_fd();
        command.args(["-chardev", &format!("socket,id=share{number},fd={fd}")]);
        let device = format!("vhost-user-fs-pci,chardev=share{number},queue-size=1024,tag={tag}");
        command.args(["-device", &device]);
    }
    // SAFETY: system calls alone; the closure owns the descriptors.
    unsafe {
        command.pre_exec(move || {
            shares.iter().try_for_each(|(_, fd)| Ok(fcntl_setfd(fd, FdFlags::empty())?))
        });
    }
}

/// Adds image files as disks, which the guest knows by their serial numbers.
///
/// # Errors
/// When one is no file, or its name does not fit.
pub(super) fn add_disks(command: &mut Command, disks: &[Disk]) -> Result<(), VmError> {
    const SERIAL_LEN: usize = 20;
    for (number, disk) in disks.iter().enumerate() {
        let unfit = |why: String| VmError::Unfit { path: disk.path.clone(), why };
        let file = disk.path.metadata().map_err(|error| unfit(error.to_string()))?;
        if !file.is_file() {
            return Err(unfit("a disk of the microVM is a file with its image".into()));
        }
        if disk.name.is_empty() || disk.name.len() > SERIAL_LEN || disk.name.contains(',') {
            return Err(unfit(format!("no name for a disk: '{}'", disk.name)));
        }
        let read_only = if disk.writable { "off" } else { "on" };
        let mut drive = OsString::from(format!(
            "if=none,id=disk{number},format=raw,cache=unsafe,read-only={read_only},file="
        ));
        // A comma ends an option's value, two are one.
        drive.push(disk.path.to_str().map_or_else(
            || disk.path.clone().into_os_string(),
            |path| path.replace(',', ",,").into(),
        ));
        command.arg("-drive").arg(drive);
        let device = format!("virtio-blk-pci,drive=disk{number},serial={}", disk.name);
        command.args(["-device", &device]);
    }
    Ok(())
}
