// SPDX-License-Identifier: GPL-2.0-only
//! Requests in, replies out, until the host has had enough.

use crate::background::Background;
use crate::churn::{self, Churn};
use crate::error::{AgentError, Context};
use crate::init::{mount_at, power_off};
use crate::port::Port;
use crate::readahead::Readahead;
use crate::workload::{Bound, Cgroup, Root, Stage, Volume, drop_caches};
use crate::{exec, groups, kmsg, loopback, modules, pass, policy, program, shares, sight, strain};
use raext_bpf::load::Attached;
use raext_model::{Caches, Failure, Reply, Request, WireError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What stays from one request to the next.
struct Agent {
    port: Port,
    stage: Option<Stage>,
    attached: Vec<Attached>,
    readahead: Readahead,
    // In the order of their end: who uses the root, what is in it, it.
    background: Background,
    volume: Option<Volume>,
    bound: Vec<Bound>,
    root: Option<Root>,
    /// How many programs were started.
    programs: u32,
}

/// Say hello, then serve until the host switches the machine off or is gone.
///
/// # Errors
/// When the port cannot be opened or brings what is no request.
pub fn run() -> Result<(), AgentError> {
    let mut port = Port::open()?;
    let ready = prepare();
    let up = ready.is_ok();
    port.send(&ready.map_or_else(Reply::Failed, |release| Reply::Hello { release }))?;
    port.watch(|| power_off());
    let mut agent = Agent {
        port,
        stage: None,
        attached: Vec::new(),
        readahead: Readahead::default(),
        background: Background::default(),
        volume: None,
        bound: Vec::new(),
        root: None,
        programs: 0,
    };
    loop {
        let request = match agent.port.receive() {
            // Nobody is left to ask for anything.
            Err(WireError::Closed) => return Ok(()),
            received => received?,
        };
        if !up {
            // What is not set up is not used; the host has been told why.
            return Ok(());
        }
        if request == Request::PowerOff {
            agent.port.send(&Reply::Done)?;
            power_off();
        }
        if matches!(request, Request::Input { .. } | Request::Kill) {
            // Said when the program had just ended: nobody waits for an answer.
            continue;
        }
        let reply = agent.answer(request).unwrap_or_else(Reply::Failed);
        agent.port.send(&reply)?;
    }
}

/// Load the modules of the guest and mount what needs them.
fn prepare() -> Result<String, Failure> {
    modules::load_listed()?;
    // Its mount point comes with the module (or with a kernel that has it built in).
    let configfs = "/sys/kernel/config";
    if Path::new(configfs).exists() {
        mount_at("configfs", configfs, None)?;
    }
    let uname = rustix::system::uname();
    let release = uname.release().to_str().context(|| "read the kernel's release".into())?;
    Ok(release.to_owned())
}

impl Agent {
    fn answer(&mut self, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::LoadModule => modules::load_ours().map(|()| Reply::Done),
            Request::UnloadModule => modules::unload_ours().map(|()| Reply::Done),
            Request::Check { object, set } => policy::check(&object, &set),
            Request::Attach { object, set, placement } => {
                match policy::attach(&object, &set, &placement)? {
                    Ok(attached) => {
                        self.attached.push(attached);
                        Ok(Reply::Load(policy::accepted()))
                    }
                    Err(outcome) => Ok(Reply::Load(outcome)),
                }
            }
            Request::Swap { object, set } => {
                let last = self.attached.last_mut().ok_or_else(|| not_attached("swap"))?;
                policy::swap(last, &object, &set)
            }
            Request::Detach => {
                if self.attached.is_empty() {
                    return Err(not_attached("detach"));
                }
                self.attached.drain(..).try_for_each(policy::detach)?;
                Ok(Reply::Done)
            }
            Request::SetupDevice { device } => {
                // The old device first: there is one at a time.
                self.clear_device();
                modules::load_for(device.fs.name())?;
                let mut progress = progress(&mut self.port);
                let stage = Stage::new(&device, &mut progress);
                self.stage = Some(stage.context(|| "set up the device".into())?);
                Ok(Reply::Done)
            }
            Request::Run { spec } => {
                let sample = self.stage()?.run(&spec, &policy::decisions);
                Ok(Reply::Sample(sample.context(|| format!("run {}", spec.workload))?))
            }
            Request::RunCourse { course, cached, limit_ms } => {
                let limit = limit_ms.map_or(Duration::MAX, Duration::from_millis);
                let run = self.stage()?.run_course(&course, cached, limit, &policy::decisions);
                Ok(Reply::Course(run.context(|| "run a course".into())?))
            }
            Request::SetReadahead { kb } => {
                let setting = self.readahead_setting()?;
                self.readahead.set(&setting, kb).map(|()| Reply::Done)
            }
            Request::SetTiming { on } => policy::set_timing(on),
            Request::Counters => Ok(Reply::Counters { counts: policy::counts() }),
            Request::DataDevice => {
                let dev = match (&self.stage, &self.volume) {
                    (Some(stage), _) => stage.kernel_dev(),
                    (None, Some(volume)) => volume.kernel_dev(),
                    (None, None) => return Err(no_stage()),
                };
                Ok(Reply::DataDevice { dev: dev.context(|| "ask for the data's device".into())? })
            }
            Request::CachedPasses { access, passes } => {
                let passes = self.stage()?.cached_passes(access, passes);
                Ok(Reply::Passes { passes: passes.context(|| "read the cached data".into())? })
            }
            Request::Churn { kind, object, cycles, readers } => {
                let churn = Churn { kind, object: &object, cycles, readers };
                let stage = self.stage.as_ref().ok_or_else(no_stage)?;
                churn::run(&churn, stage, &mut progress(&mut self.port))
            }
            Request::Stress { spec } => {
                self.clear_device();
                strain::run(&spec, &mut progress(&mut self.port))
            }
            Request::BreakDevice { offsets } => {
                let broken = self.stage()?.spoil(&offsets);
                broken.map(|()| Reply::Done).context(|| "break the device".into())
            }
            Request::ReadAll { by } => sight::read_all(self.stage()?, by),
            Request::MakeCgroup { name, memory_max } => {
                let made = Cgroup::make(&name, memory_max);
                made.map(|_| Reply::Done).context(|| "make a cgroup".into())
            }
            Request::RunTogether { runs } => groups::run(self.stage()?, &runs),
            Request::Exec { argv } => exec::run(&argv),
            Request::MountShare { tag } => shares::mount_share(&tag).map(|()| Reply::Done),
            Request::MountDisk { name, make, read_only } => {
                shares::mount_disk(&name, make, read_only).map(|()| Reply::Done)
            }
            Request::UnmountDisk { name } => shares::unmount_disk(&name).map(|()| Reply::Done),
            Request::MakeRoot { layers, as_user } => {
                modules::load_for("overlay")?;
                loopback::up()?;
                self.clear_volume();
                self.bound.clear();
                self.root = None;
                let root = Root::new(&layers, as_user);
                self.root = Some(root.context(|| "make the root of programs".into())?);
                Ok(Reply::Done)
            }
            Request::Bind { from, at } => {
                let bound = Bound::new(Path::new(&from), self.root()?.path(), &at);
                self.bound.push(bound.context(|| format!("show {from} at {at}"))?);
                Ok(Reply::Done)
            }
            Request::MakeVolume { volume } => self.make_volume(&volume),
            Request::DropVolume => {
                self.clear_volume();
                Ok(Reply::Done)
            }
            Request::DropCaches { caches } => {
                let dropped = match &mut self.volume {
                    Some(volume) => volume.chill(caches),
                    None => drop_caches(),
                };
                dropped.context(|| "drop the caches".into())?;
                if self.volume.is_some() && caches == Caches::Volume {
                    self.readahead.again(&self.readahead_setting()?)?;
                }
                Ok(Reply::Done)
            }
            Request::RunProgram { program } => {
                let id = self.next_program();
                let root = self.root.as_ref().ok_or_else(no_root)?.path();
                pass::run(&mut self.port, id, &program, root, self.volume.as_ref())
            }
            Request::StartProgram { program } => {
                let (id, root) = (self.next_program(), self.root()?.path());
                self.background.start(id, &program, root, self.volume.as_ref())
            }
            Request::EndProgram { id, signal, within_ms } => {
                let within = Duration::from_millis(within_ms);
                self.background.end(id, signal, within, self.volume.as_ref(), &mut self.port)
            }
            Request::Input { .. } | Request::Kill => Ok(Reply::Done),
            Request::KernelLog => kmsg::warnings().map(|lines| Reply::Log { lines }),
            Request::PowerOff => power_off(),
        }
    }

    fn make_volume(&mut self, spec: &raext_model::Volume) -> Result<Reply, Failure> {
        if spec.fs == raext_model::Fs::Raw {
            let why = "a raw device holds no folders".into();
            return Err(Failure { what: "make a volume".into(), why });
        }
        self.clear_device();
        modules::load_for(spec.fs.name())?;
        let root = self.root.as_ref().ok_or_else(no_root)?.path();
        let made = Volume::new(spec, root, &mut progress(&mut self.port));
        let (volume, made) = made.context(|| "make the volume".into())?;
        self.volume = Some(volume);
        Ok(Reply::VolumeMade(made))
    }

    fn readahead_setting(&self) -> Result<PathBuf, Failure> {
        let setting = match (&self.stage, &self.volume) {
            (Some(stage), _) => stage.readahead_setting(),
            (None, Some(volume)) => volume.readahead_setting(),
            (None, None) => return Err(no_stage()),
        };
        setting.context(|| "find the setting of the kernel's readahead".into())
    }

    /// There is one device at a time.
    fn clear_device(&mut self) {
        self.stage = None;
        self.clear_volume();
    }

    /// Programs may use it, in the background or as children of others.
    fn clear_volume(&mut self) {
        self.background = Background::default();
        program::end_all();
        self.readahead.forget();
        self.volume = None;
    }

    fn next_program(&mut self) -> u32 {
        self.programs += 1;
        self.programs
    }

    fn root(&self) -> Result<&Root, Failure> {
        self.root.as_ref().ok_or_else(no_root)
    }

    fn stage(&self) -> Result<&Stage, Failure> {
        self.stage.as_ref().ok_or_else(no_stage)
    }
}

fn not_attached(what: &str) -> Failure {
    Failure { what: what.into(), why: "no policy is attached".into() }
}

fn no_stage() -> Failure {
    Failure { what: "use the device".into(), why: "none was set up".into() }
}

fn no_root() -> Failure {
    Failure { what: "use the root of programs".into(), why: "none was made".into() }
}

/// Tells the host what is being done. A host that is gone is noticed with the
/// reply.
fn progress(port: &mut Port) -> impl FnMut(&str) {
    |text| {
        let _ = port.send(&Reply::Progress { text: text.to_owned() });
    }
}
