// SPDX-License-Identifier: GPL-2.0-only
//! The parts of a virtual machine.

use std::path::PathBuf;
use std::time::Duration;

/// The kernel to boot, and the machine. [`VmConfig::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct VmConfig {
    /// The kernel: a bzImage, or an uncompressed vmlinux with a PVH entry.
    pub kernel: PathBuf,
    /// The agent, a static program; it becomes the guest's `/init`.
    pub agent: PathBuf,
    /// Kernel modules that the agent loads at start, in this order.
    pub modules: Vec<GuestModule>,
    /// More files of the guest. One given twice is there as given last.
    pub files: Vec<GuestFile>,
    /// Programs of the host that the guest needs too, with their shared
    /// libraries. A path is kept in the guest; a bare name is looked up in
    /// `PATH` and the `sbin` directories.
    pub programs: Vec<PathBuf>,
    /// Folders of the host that the guest may read.
    pub shares: Vec<Share>,
    /// Image files of the host that are disks of the guest.
    pub disks: Vec<Disk>,
    /// Memory of the guest, MiB. The initramfs lies in it.
    pub memory_mib: u32,
    /// Processors of the guest.
    pub cpus: u32,
    /// Have the guest's clocks count instructions, one a nanosecond, under TCG
    /// with one processor.
    pub count_instructions: bool,
    /// How long the guest may take until the agent says hello. Under TCG beside
    /// other work, a sound guest takes a minute.
    pub boot_deadline: Duration,
    /// How long the agent may be silent while it has a request to answer.
    /// Each line of progress starts it anew.
    pub answer_deadline: Duration,
    /// QEMU: a path, or a name to look up in `PATH`.
    pub qemu: PathBuf,
    /// Where to keep what the guest writes to its console, for a person.
    pub console_log: Option<PathBuf>,
    /// A file that remembers whether KVM works, until the host's next boot.
    pub accel_cache: Option<PathBuf>,
}

impl VmConfig {
    /// A machine of 2 GiB and 2 processors, with nothing in it but the agent.
    pub fn new(kernel: impl Into<PathBuf>, agent: impl Into<PathBuf>) -> Self {
        Self {
            kernel: kernel.into(),
            agent: agent.into(),
            modules: Vec::new(),
            files: Vec::new(),
            programs: Vec::new(),
            shares: Vec::new(),
            disks: Vec::new(),
            memory_mib: 2048,
            cpus: 2,
            count_instructions: false,
            boot_deadline: Duration::from_secs(180),
            answer_deadline: Duration::from_secs(300),
            qemu: PathBuf::from("qemu-system-x86_64"),
            console_log: None,
            accel_cache: None,
        }
    }
}

/// A kernel module for the guest.
#[derive(Debug, Clone)]
pub struct GuestModule {
    /// Its name, such as `null_blk`.
    pub name: String,
    /// Its file, uncompressed.
    pub image: Vec<u8>,
}

/// A file for the guest.
#[derive(Debug, Clone)]
pub struct GuestFile {
    /// Absolute path in the guest.
    pub guest: String,
    /// Its content.
    pub source: Source,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
}

/// Where the content of a [`GuestFile`] comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file of the host, read when the machine is booted.
    Host(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// A folder of the host, with all that is below it, for the guest to read by
/// virtiofs (`CONFIG_VIRTIO_FS=y`). The host does not let the guest change
/// anything, whatever the guest does. What the host changes while the guest
/// runs may be seen late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The tag that the guest mounts it by: at most 35 bytes.
    pub tag: String,
    /// The folder.
    pub path: PathBuf,
}

/// A raw image file as a disk of the guest, which needs the module `virtio_blk`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its serial number, which the guest finds it by: at most 20 bytes.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Whether the guest may write to it.
    pub writable: bool,
}
