// SPDX-License-Identifier: GPL-2.0-only
//! Requests in, replies out, until the host has had enough.

use crate::churn::{self, Churn};
use crate::error::{AgentError, Context};
use crate::init::{mount_at, power_off};
use crate::port::Port;
use crate::{exec, groups, kmsg, modules, policy, sight, strain};
use raext_load::Attached;
use raext_proto::{Failure, Reply, Request, WireError};
use raext_workload::{Cgroup, Stage};
use std::path::Path;

/// What stays from one request to the next.
struct Agent {
    port: Port,
    stage: Option<Stage>,
    attached: Vec<Attached>,
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
    let mut agent = Agent { port, stage: None, attached: Vec::new() };
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
                self.attached.drain(..).for_each(policy::detach);
                Ok(Reply::Done)
            }
            Request::SetupDevice { device } => {
                // The old device first: there is one at a time.
                self.stage = None;
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
                self.stage = None;
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
            Request::KernelLog => kmsg::warnings().map(|lines| Reply::Log { lines }),
            Request::PowerOff => power_off(),
        }
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

/// Tells the host what is being done. A host that is gone is noticed with the
/// reply.
fn progress(port: &mut Port) -> impl FnMut(&str) {
    |text| {
        let _ = port.send(&Reply::Progress { text: text.to_owned() });
    }
}
