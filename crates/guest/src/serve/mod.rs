// SPDX-License-Identifier: GPL-2.0-only
//! Requests in, answers out, until the host switches the machine off.

mod data;
mod machine;
mod policies;
mod programs;

use crate::agent::Agent;
use crate::error::{AgentError, Context};
use crate::init::{mount_at, power_off};
use crate::modules;
use crate::port::Port;
use crate::table::Table;
use raext_model::{Failure, FromAgent};
use std::path::Path;

/// A table with the product's requests.
pub fn product(table: Table<Agent>) -> Table<Agent> {
    programs::requests(data::requests(policies::requests(machine::requests(table))))
}

/// Say hello, then serve until the host switches the machine off or is gone.
///
/// # Errors
/// When the port cannot be opened or brings a message that is none.
pub(crate) fn run(table: &Table<Agent>) -> Result<(), AgentError> {
    let mut port = Port::open()?;
    let ready = prepare();
    let is_up = ready.is_ok();
    port.line
        .send(&ready.map_or_else(FromAgent::Failed, |release| FromAgent::Hello { release }))?;
    port.watch(|| power_off());
    if !is_up {
        // A guest that is not set up is not used. The host knows why; its port closes next.
        while port.line.receive().is_ok() {}
        return Ok(());
    }
    let mut agent = Agent::default();
    while table.turn(&mut agent, &mut port.line)? {
        if agent.is_off {
            power_off();
        }
    }
    Ok(())
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
