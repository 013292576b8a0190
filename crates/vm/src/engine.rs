// SPDX-License-Identifier: GPL-2.0-only
//! A booted microVM with the module loaded.

use crate::machine::{Disk, GuestFile, GuestModule, Share, Source, Vm, VmConfig};
use crate::{EngineError, Paths};
use raext_kernel::{Kernel, KernelError, Want};
use raext_model::{
    CachedAccess, Course, CourseRun, Device, GroupRun, LoadOutcome, Passed, Placement, ReadBy,
    Reply, Request, Sample, Sight, StressReport, StressSpec, WorkloadSpec,
};
use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

/// What the devices and file systems of the guest need.
const GUEST_MODULES: [&str; 3] = ["configfs", "null_blk", "xfs"];
const GUEST_PROGRAMS: [&str; 2] = ["/sbin/mke2fs", "/sbin/mkfs.xfs"];
/// File systems and drivers that not every kernel and host has, and that take long to load:
/// the agent loads one when it is asked for it, and says so if it cannot.
const MORE_MODULES: [&str; 3] = ["btrfs", "overlay", "virtio_blk"];
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

/// What the machine is made of, beside the project's own.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Which kernel.
    pub kernel: KernelChoice,
    /// Files of the guest.
    pub objects: Vec<GuestObject>,
    /// Programs of the host for the guest's own root, with their libraries.
    /// Programs of a share need not be named.
    pub programs: Vec<PathBuf>,
    /// Folders of the host, each at `/shares/TAG` of the guest.
    pub shares: Vec<Share>,
    /// Image files as disks, to be mounted by [`Engine::mount_disk`].
    pub disks: Vec<Disk>,
    /// Memory, MiB; as [`VmConfig::new`] has it if absent. A volume lies in it.
    pub memory_mib: Option<u32>,
}

/// The machine.
pub struct Engine {
    pub(crate) vm: Vm,
    release: String,
}

impl Engine {
    /// Get the kernel, build the module, boot, load the module.
    ///
    /// `objects` are put into the guest, and so are `programs` with their
    /// libraries. The guest's console is copied to the file that
    /// `RAEXT_CONSOLE_LOG` names.
    ///
    /// # Errors
    /// When one of these steps fails.
    pub fn start(
        kernel: &KernelChoice,
        objects: Vec<GuestObject>,
        programs: &[PathBuf],
        step: &dyn Fn(&str),
    ) -> Result<Self, EngineError> {
        let kernel = kernel.clone();
        let programs = programs.to_vec();
        Self::start_with(Setup { kernel, objects, programs, ..Setup::default() }, step)
    }

    /// As [`Engine::start`], with folders and image files of the host.
    ///
    /// # Errors
    /// As [`Engine::start`], and when a folder cannot be shown read-only.
    pub fn start_with(setup: Setup, step: &dyn Fn(&str)) -> Result<Self, EngineError> {
        Self::boot(setup, &|_| {}, step)
    }

    /// As [`Engine::start`], on a machine whose clocks count instructions: one is
    /// a nanosecond, and waiting takes no time.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_counting(
        kernel: &KernelChoice,
        objects: Vec<GuestObject>,
        step: &dyn Fn(&str),
    ) -> Result<Self, EngineError> {
        let counting = |config: &mut VmConfig| config.count_instructions = true;
        let setup = Setup { kernel: kernel.clone(), objects, ..Setup::default() };
        Self::boot(setup, &counting, step)
    }

    fn boot(
        setup: Setup,
        change: &dyn Fn(&mut VmConfig),
        step: &dyn Fn(&str),
    ) -> Result<Self, EngineError> {
        let paths = Paths::find()?;
        let Setup { kernel, objects, programs, shares, disks, memory_mib } = setup;
        let kernel = raext_kernel::provide(&paths.cache(), &kernel.want, kernel.untested, step)?;
        let module = raext_kernel::build_module(
            &kernel,
            &paths.root.join("kmod"),
            &paths.module(&kernel.release),
            step,
        )?;
        let mut config = config(&paths, &kernel, module, objects, &programs)?;
        let tags: Vec<_> = shares.iter().map(|share| share.tag.clone()).collect();
        (config.shares, config.disks) = (shares, disks);
        config.memory_mib = memory_mib.unwrap_or(config.memory_mib);
        change(&mut config);
        let vm = Vm::boot(&config, step)?;
        let mut engine = Self { vm, release: kernel.release };
        step("loading the module");
        engine.done(&Request::LoadModule, step)?;
        for tag in tags {
            engine.done(&Request::MountShare { tag }, step)?;
        }
        Ok(engine)
    }

    /// `uname -r` of the guest.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// KVM or TCG.
    pub fn accelerator(&self) -> String {
        self.vm.accel().to_string()
    }

    /// Ask the agent.
    ///
    /// # Errors
    /// When the machine or the agent fails.
    pub fn ask(&mut self, request: &Request, step: &dyn Fn(&str)) -> Result<Reply, EngineError> {
        match self.vm.ask(request, &mut |text| step(text))? {
            Reply::Failed(failure) => Err(failure.into()),
            reply => Ok(reply),
        }
    }

    /// Ask for something that has no result.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn done(&mut self, request: &Request, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        match self.ask(request, step)? {
            Reply::Done => Ok(()),
            other => Err(unexpected("something without a result", other)),
        }
    }

    /// The verifier's verdict on an object file of the guest.
    ///
    /// # Errors
    /// As [`Engine::ask`]; a refused policy is no error.
    pub fn check(
        &mut self,
        object: &str,
        set: &BTreeMap<String, String>,
        step: &dyn Fn(&str),
    ) -> Result<LoadOutcome, EngineError> {
        self.load(&Request::Check { object: object.into(), set: set.clone() }, step)
    }

    /// Attach an object file of the guest.
    ///
    /// # Errors
    /// As [`Engine::ask`], and when it is refused.
    pub fn attach(
        &mut self,
        object: &str,
        set: &BTreeMap<String, String>,
        step: &dyn Fn(&str),
    ) -> Result<(), EngineError> {
        self.attach_at(object, set, Placement::default(), step)
    }

    /// As [`Engine::attach`], for a cgroup, a device, with a guard.
    ///
    /// # Errors
    /// As [`Engine::attach`].
    pub fn attach_at(
        &mut self,
        object: &str,
        set: &BTreeMap<String, String>,
        placement: Placement,
        step: &dyn Fn(&str),
    ) -> Result<(), EngineError> {
        let request = Request::Attach { object: object.into(), set: set.clone(), placement };
        if self.load(&request, step)?.accepted {
            Ok(())
        } else {
            Err(EngineError::Refused(object.into()))
        }
    }

    /// Detach what is attached.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn detach(&mut self, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        self.done(&Request::Detach, step)
    }

    /// Make a device with its data.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn set_up(&mut self, device: Device, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        self.done(&Request::SetupDevice { device }, step)
    }

    /// Run a workload once.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn run(&mut self, spec: WorkloadSpec, step: &dyn Fn(&str)) -> Result<Sample, EngineError> {
        match self.ask(&Request::Run { spec }, step)? {
            Reply::Sample(sample) => Ok(sample),
            other => Err(unexpected("a measurement", other)),
        }
    }

    /// Run a course once; no access is begun beyond the limit.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn run_course(
        &mut self,
        course: Course,
        cached: bool,
        limit_ms: Option<u64>,
        step: &dyn Fn(&str),
    ) -> Result<CourseRun, EngineError> {
        match self.ask(&Request::RunCourse { course, cached, limit_ms }, step)? {
            Reply::Course(run) => Ok(run),
            other => Err(unexpected("a course's times", other)),
        }
    }

    /// Set the kernel's own readahead on the data's device, KiB, or as it was.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn set_readahead(
        &mut self,
        kb: Option<u32>,
        step: &dyn Fn(&str),
    ) -> Result<(), EngineError> {
        self.done(&Request::SetReadahead { kb }, step)
    }

    /// The counters of all attached policies, by the kind of event and the counter.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn counters(
        &mut self,
        step: &dyn Fn(&str),
    ) -> Result<BTreeMap<String, BTreeMap<String, u64>>, EngineError> {
        match self.ask(&Request::Counters, step)? {
            Reply::Counters { counts } => Ok(counts),
            other => Err(unexpected("counters", other)),
        }
    }

    /// The number of the data's device, for [`Placement::dev`].
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn data_device(&mut self, step: &dyn Fn(&str)) -> Result<u32, EngineError> {
        match self.ask(&Request::DataDevice, step)? {
            Reply::DataDevice { dev } => Ok(dev),
            other => Err(unexpected("a device's number", other)),
        }
    }

    /// Fully cached passes over the data.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn cached_passes(
        &mut self,
        access: CachedAccess,
        passes: u32,
        step: &dyn Fn(&str),
    ) -> Result<Vec<Passed>, EngineError> {
        match self.ask(&Request::CachedPasses { access, passes }, step)? {
            Reply::Passes { passes } => Ok(passes),
            other => Err(unexpected("times of passes", other)),
        }
    }

    /// Read the whole data file and report what an application sees.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn read_all(&mut self, by: ReadBy, step: &dyn Fn(&str)) -> Result<Sight, EngineError> {
        match self.ask(&Request::ReadAll { by }, step)? {
            Reply::Sight(sight) => Ok(sight),
            other => Err(unexpected("what was seen", other)),
        }
    }

    /// Run workloads at the same time, each in its cgroup.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn run_together(
        &mut self,
        runs: Vec<GroupRun>,
        step: &dyn Fn(&str),
    ) -> Result<Vec<Sample>, EngineError> {
        match self.ask(&Request::RunTogether { runs }, step)? {
            Reply::Samples { samples } => Ok(samples),
            other => Err(unexpected("measurements", other)),
        }
    }

    /// Everything at once, for some time.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn stress(
        &mut self,
        spec: StressSpec,
        step: &dyn Fn(&str),
    ) -> Result<StressReport, EngineError> {
        match self.ask(&Request::Stress { spec }, step)? {
            Reply::Stress(report) => Ok(report),
            other => Err(unexpected("a report of a stress", other)),
        }
    }

    /// Run a program of the guest: its status, output and errors.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn exec(
        &mut self,
        argv: &[&str],
        step: &dyn Fn(&str),
    ) -> Result<(i32, String, String), EngineError> {
        let argv = argv.iter().map(|&arg| arg.to_owned()).collect();
        match self.ask(&Request::Exec { argv }, step)? {
            Reply::Exit { status, stdout, stderr } => Ok((status, stdout, stderr)),
            other => Err(unexpected("a program's end", other)),
        }
    }

    /// Warnings and worse in the kernel's log since boot.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn kernel_log(&mut self, step: &dyn Fn(&str)) -> Result<Vec<String>, EngineError> {
        match self.ask(&Request::KernelLog, step)? {
            Reply::Log { lines } => Ok(lines),
            other => Err(unexpected("the kernel's log", other)),
        }
    }

    /// Switch off.
    ///
    /// # Errors
    /// When the machine does not end.
    pub fn stop(self) -> Result<(), EngineError> {
        Ok(self.vm.power_off()?)
    }

    fn load(&mut self, request: &Request, step: &dyn Fn(&str)) -> Result<LoadOutcome, EngineError> {
        match self.ask(request, step)? {
            Reply::Load(outcome) => Ok(outcome),
            other => Err(unexpected("a verdict", other)),
        }
    }
}

pub(crate) fn unexpected(asked: &'static str, answer: Reply) -> EngineError {
    EngineError::Unexpected { asked, answer: Box::new(answer) }
}

fn config(
    paths: &Paths,
    kernel: &Kernel,
    module: PathBuf,
    objects: Vec<GuestObject>,
    programs: &[PathBuf],
) -> Result<VmConfig, EngineError> {
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
        ..VmConfig::new(kernel.image.clone(), paths.agent()?)
    })
}

/// [`MORE_MODULES`] with what they depend on, and for each a list of what to
/// load, in order: `/modules/order.NAME`.
fn more_modules(kernel: &Kernel) -> Result<Vec<GuestFile>, EngineError> {
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
