// SPDX-License-Identifier: GPL-2.0-only
//! The machine: its modules, mounts, log and end.

use crate::agent::Agent;
use crate::table::{Host, Serve, Table};
use crate::{exec, kmsg, modules, shares};
use raext_model::Failure;
use raext_model::requests::{
    Exec, Exit, KernelLog, LoadModule, MountDisk, MountShare, PowerOff, UnmountDisk,
};

pub(super) fn requests(table: Table<Agent>) -> Table<Agent> {
    table
        .with::<LoadModule>()
        .with::<Exec>()
        .with::<MountShare>()
        .with::<MountDisk>()
        .with::<UnmountDisk>()
        .with::<KernelLog>()
        .with::<PowerOff>()
}

impl Serve<LoadModule> for Agent {
    fn serve(&mut self, _: LoadModule, _: &mut dyn Host) -> Result<(), Failure> {
        modules::load_ours()
    }
}

impl Serve<Exec> for Agent {
    fn serve(&mut self, exec: Exec, _: &mut dyn Host) -> Result<Exit, Failure> {
        exec::run(&exec.argv)
    }
}

impl Serve<MountShare> for Agent {
    fn serve(&mut self, share: MountShare, _: &mut dyn Host) -> Result<(), Failure> {
        shares::mount_share(&share.tag)
    }
}

impl Serve<MountDisk> for Agent {
    fn serve(&mut self, disk: MountDisk, _: &mut dyn Host) -> Result<(), Failure> {
        shares::mount_disk(&disk.name, disk.make, disk.read_only)
    }
}

impl Serve<UnmountDisk> for Agent {
    fn serve(&mut self, disk: UnmountDisk, _: &mut dyn Host) -> Result<(), Failure> {
        shares::unmount_disk(&disk.name)
    }
}

impl Serve<KernelLog> for Agent {
    fn serve(&mut self, _: KernelLog, _: &mut dyn Host) -> Result<Vec<String>, Failure> {
        kmsg::warnings()
    }
}

impl Serve<PowerOff> for Agent {
    fn serve(&mut self, _: PowerOff, _: &mut dyn Host) -> Result<(), Failure> {
        self.is_off = true;
        Ok(())
    }
}
