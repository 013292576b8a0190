// SPDX-License-Identifier: GPL-2.0-only
//! The state of the agent that stays from one request to the next.

use crate::background::Background;
use crate::error::Context;
use crate::program;
use crate::readahead::Readahead;
use crate::workload::{Bound, Root, Stage, Volume};
use raext_bpf::load::Attached;
use raext_model::Failure;
use std::path::PathBuf;

/// The agent. One device, one volume and one root of programs at a time.
#[derive(Default)]
pub struct Agent {
    pub(crate) stage: Option<Stage>,
    pub(crate) attached: Vec<Attached>,
    pub(crate) readahead: Readahead,
    // In the order of their end: the users of the root, its parts, the root.
    pub(crate) background: Background,
    pub(crate) volume: Option<Volume>,
    pub(crate) bound: Vec<Bound>,
    pub(crate) root: Option<Root>,
    /// How many programs were started.
    programs: u32,
    /// Whether the machine ends once the answer is sent.
    pub(crate) is_off: bool,
}

impl Agent {
    /// The device with the data file.
    ///
    /// # Errors
    /// When there is none.
    pub fn stage(&self) -> Result<&Stage, Failure> {
        self.stage.as_ref().ok_or_else(no_stage)
    }

    /// Forget the device or the volume.
    pub fn clear_device(&mut self) {
        self.stage = None;
        self.clear_volume();
    }

    /// Forget the volume, and kill the programs that may use it.
    pub fn clear_volume(&mut self) {
        self.background = Background::default();
        program::end_all();
        self.readahead.forget();
        self.volume = None;
    }

    pub(crate) fn root(&self) -> Result<&Root, Failure> {
        self.root.as_ref().ok_or_else(no_root)
    }

    pub(crate) fn next_program(&mut self) -> u32 {
        self.programs += 1;
        self.programs
    }

    /// The number of the data's device.
    pub(crate) fn data_device(&self) -> Result<u32, Failure> {
        let dev = match (&self.stage, &self.volume) {
            (Some(stage), _) => stage.kernel_dev(),
            (None, Some(volume)) => volume.kernel_dev(),
            (None, None) => return Err(no_stage()),
        };
        dev.context(|| "ask for the data's device".into())
    }

    /// The file with the kernel's readahead on the data's device.
    pub(crate) fn readahead_setting(&self) -> Result<PathBuf, Failure> {
        let setting = match (&self.stage, &self.volume) {
            (Some(stage), _) => stage.readahead_setting(),
            (None, Some(volume)) => volume.readahead_setting(),
            (None, None) => return Err(no_stage()),
        };
        setting.context(|| "find the setting of the kernel's readahead".into())
    }
}

fn no_stage() -> Failure {
    Failure { what: "use the device".into(), why: "none was set up".into() }
}

pub(crate) fn no_root() -> Failure {
    Failure { what: "use the root of programs".into(), why: "none was made".into() }
}
