// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's command line.
//!
//! What is on it was chosen by measurement, kernel 6.12 under TCG on two
//! cores: q35 without the devices that nobody needs starts fastest (2.5 s to
//! init), and 5-level page tables, which `-cpu max` offers, cost every page
//! walk a step.
//!
//! TCG runs both processors in one thread. With a thread each, QEMU 7.2 can
//! keep a translation of code that another processor has just changed: the
//! kernel then meets the breakpoint of a patch that is long complete, and
//! crashes (`Oops: int3`), which attaching a policy under four readers brought
//! about within ten cycles. One thread did not in a hundred, and the workloads
//! take as long, since they wait for the device or run on one processor.

use crate::accel::Accel;
use raext_proto::PORT_NAME;
use std::path::Path;
use std::process::Command;

/// What the kernel is told.
///
/// - `panic=-1 oops=panic`: any crash ends the machine at once.
/// - `loglevel=4`: errors only; each byte on a serial line is a trap. A crash
///   makes the kernel verbose by itself.
/// - `tsc=reliable no_timer_check`: a busy host makes clocks look broken.
/// - `mitigations=off`: emulating them costs much and protects nobody.
/// - `nokaslr`: the same layout in each run, for steadier measurements.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 loglevel=4 panic=-1 oops=panic log_buf_len=4M \
     tsc=reliable no_timer_check mitigations=off nokaslr";

/// A machine with a kernel and a console, which is QEMU's standard output.
pub fn machine(qemu: &Path, accel: Accel, kernel: &Path, memory_mib: u32, cpus: u32) -> Command {
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
pub fn add_agent(command: &mut Command, initramfs: &Path) {
    command
        .arg("-initrd")
        .arg(initramfs)
        .args(["-chardev", "socket,id=agent,fd=0"])
        .args(["-device", "virtio-serial-pci,disable-legacy=on,max_ports=2"])
        .args(["-device", &format!("virtserialport,chardev=agent,name={PORT_NAME}")]);
}
