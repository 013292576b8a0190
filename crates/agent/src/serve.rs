// SPDX-License-Identifier: GPL-2.0-only
//! Requests in, replies out, until the host has had enough.

use crate::error::{AgentError, Context};
use crate::init::{mount_at, power_off};
use crate::port::Port;
use crate::{exec, kmsg, modules};
use raext_proto::{Failure, Reply, Request, WireError};
use std::path::Path;

/// What stays from one request to the next.
struct Agent {
    port: Port,
}

/// Say hello, then serve until the host switches the machine off or is gone.
///
/// # Errors
/// When the port cannot be opened or brings what is no request.
pub fn run() -> Result<(), AgentError> {
    let mut port = Port::open()?;
    match prepare() {
        Ok(release) => port.send(&Reply::Hello { release })?,
        Err(failure) => {
            port.send(&Reply::Failed(failure))?;
            return Ok(());
        }
    }
    let mut agent = Agent { port };
    loop {
        let request = match agent.port.receive() {
            // Nobody is left to ask for anything.
            Err(WireError::Closed) => return Ok(()),
            received => received?,
        };
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
            Request::Exec { argv } => exec::run(&argv),
            Request::KernelLog => kmsg::warnings().map(|lines| Reply::Log { lines }),
            Request::PowerOff => power_off(),
            other => Err(Failure {
                what: format!("{other:?}"),
                why: "this agent was built without it".into(),
            }),
        }
    }
}
