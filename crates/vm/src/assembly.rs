// SPDX-License-Identifier: GPL-2.0-only
//! The parts of the microVM: a kernel, its modules, the agent, programs and files.

use crate::machine::{Disk, GuestFile, GuestModule, Share, Source, VmConfig};
use crate::{Paths, SessionError};
use raext_kernel::{Kernel, KernelError, Kernels, Want};
use raext_model::Progress;
use std::env;
use std::path::PathBuf;
use std::rc::Rc;

/// What the devices and file systems of the guest need.
const GUEST_MODULES: [&str; 3] = ["configfs", "null_blk", "xfs"];
const GUEST_PROGRAMS: [&str; 2] = ["/sbin/mke2fs", "/sbin/mkfs.xfs"];
/// File systems and drivers that not every kernel and host has, and that take long to load:
/// the agent loads one when it is asked for it, and says so if it cannot.
const MORE_MODULES: [&str; 4] = ["btrfs", "loop", "overlay", "virtio_blk"];
/// What one of these asks for at run time, where a kernel has it as a module:
/// btrfs its checksum (6.18).
const ASKED_FOR: [(&str, &str); 1] = [("btrfs", "crc32c_cryptoapi")];
const MORE_PROGRAMS: [&str; 1] = ["/sbin/mkfs.btrfs"];

/// Which kernel to boot; a stock one of the first tested series by default.
#[derive(Debug, Clone, Default)]
pub struct KernelChoice {
    /// A series or an image of the user's.
    pub want: Want,
    /// Whether it may be of a series that was not tested.
    pub untested: bool,
}

/// A file of the host that is put into the guest.
#[derive(Debug, Clone)]
pub struct GuestObject {
    /// Path in the guest.
    pub guest: String,
    /// Path on the host.
    pub host: PathBuf,
    /// Whether it is to be run (0755 instead of 0644).
    pub executable: bool,
}

/// The parts of the machine, beside the project's own.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Which kernel.
    pub kernel: KernelChoice,
    /// Files of the guest.
    pub objects: Vec<GuestObject>,
    /// Programs of the host for the guest's own root, with their libraries.
    /// Programs of a share need not be named.
    pub programs: Vec<PathBuf>,
    /// Folders of the host, each at `/shares/TAG` of the guest.
    pub shares: Vec<Share>,
    /// Image files as disks, to be mounted by [`raext_model::requests::MountDisk`].
    pub disks: Vec<Disk>,
    /// Memory, MiB; as [`VmConfig::new`] has it if absent. A volume lies in it.
    pub memory_mib: Option<u32>,
    /// The agent; the product's own if absent.
    pub agent: Option<PathBuf>,
    /// Have the guest's clocks count instructions: one is a nanosecond, and waiting
    /// takes no time.
    pub count_instructions: bool,
}

impl Machine {
    /// Get the kernel and build the module: the whole description of the machine.
    /// `RAEXT_CONSOLE_LOG` names a file for a copy of the console.
    ///
    /// # Errors
    /// When a part cannot be had.
    pub fn assemble(self, progress: Rc<dyn Progress>) -> Result<VmConfig, SessionError> {
        let paths = Paths::find()?;
        let kernels = Kernels::new(&paths.cache(), progress)?;
        let kernel = kernels.provide(&self.kernel.want, self.kernel.untested)?;
        let (kmod, out) = (paths.root.join("kmod"), paths.module(&kernel.release));
        let module = kernels.build_module(&kernel, &kmod, &out)?;
        let agent = self.agent.map_or_else(|| paths.agent(), Ok)?;
        let mut config = config(&paths, &kernel, module, self.objects, &self.programs, agent)?;
        (config.shares, config.disks) = (self.shares, self.disks);
        config.memory_mib = self.memory_mib.unwrap_or(config.memory_mib);
        config.count_instructions = self.count_instructions;
        Ok(config)
    }
}

fn config(
    paths: &Paths,
    kernel: &Kernel,
    module: PathBuf,
    objects: Vec<GuestObject>,
    programs: &[PathBuf],
    agent: PathBuf,
) -> Result<VmConfig, SessionError> {
    let modules = raext_kernel::load_order(kernel, &GUEST_MODULES)?
        .into_iter()
        .map(|(name, image)| GuestModule { name, image })
        .collect();
    let module = GuestObject { guest: "/readahead_ext.ko".into(), host: module, executable: false };
    let mut files = more_modules(kernel)?;
    files.extend(objects.into_iter().chain([module]).map(|o| GuestFile {
        guest: o.guest,
        source: Source::Host(o.host),
        mode: if o.executable { 0o755 } else { 0o644 },
    }));
    Ok(VmConfig {
        modules,
        files,
        programs: GUEST_PROGRAMS
            .iter()
            .map(PathBuf::from)
            .chain(MORE_PROGRAMS.iter().map(PathBuf::from).filter(|program| program.is_file()))
            .chain(programs.iter().cloned())
            .collect(),
        accel_cache: Some(paths.cache().join("accelerator")),
        console_log: env::var_os("RAEXT_CONSOLE_LOG").map(PathBuf::from),
        ..VmConfig::new(kernel.image.clone(), agent)
    })
}

/// [`MORE_MODULES`] with what they depend on, and for each a list of what to
/// load, in order: `/modules/order.NAME`.
fn more_modules(kernel: &Kernel) -> Result<Vec<GuestFile>, SessionError> {
    let file = |guest, bytes| GuestFile { guest, source: Source::Bytes(bytes), mode: 0o644 };
    let mut files = Vec::new();
    for name in MORE_MODULES {
        let asked_for = ASKED_FOR.iter().filter(|(by, _)| *by == name).map(|(_, module)| *module);
        let mut modules = Vec::new();
        for module in asked_for.chain([name]) {
            match raext_kernel::load_order(kernel, &[module]) {
                Err(KernelError::NoSuchModule { .. }) => {}
                order => modules.extend(order?),
            }
        }
        if !modules.iter().any(|(module, _)| module == name) {
            continue;
        }
        let mut order = String::new();
        for (name, image) in modules {
            order += &format!("{name}\n");
            files.push(file(format!("/modules/{name}.ko"), image));
        }
        files.push(file(format!("/modules/order.{name}"), order.into_bytes()));
    }
    Ok(files)
}
