// SPDX-License-Identifier: GPL-2.0-only
//! Programs of the host in the microVM: their root, their data on a device that
//! is measured, and running them.
//!
//! The order is: [`Engine::make_root`] once, [`Engine::make_volume`] for each
//! data set, then [`Engine::drop_caches`] and [`Engine::run_program`] for each
//! run.

use crate::engine::unexpected;
use crate::machine::Talk;
use crate::{Engine, EngineError};
use raext_model::{Caches, Program, Ran, Reply, Request, Stream, Volume, VolumeMade};
use std::time::Duration;

/// A program's end, with all that it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended, and what it took.
    pub ran: Ran,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Captured {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Engine {
    /// Make the root of programs from folders of the guest, the topmost first,
    /// such as `/shares/TAG`. It can be written to; nothing reaches the folders.
    /// The root before, the volume and programs in the background are gone.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn make_root(&mut self, layers: &[&str], step: &dyn Fn(&str)) -> Result<(), EngineError> {
        let layers = layers.iter().map(|&layer| layer.to_owned()).collect();
        let as_user = !rustix::process::geteuid().is_root();
        self.done(&Request::MakeRoot { layers, as_user }, step)
    }

    /// Show a folder or a file of the guest at a path of the programs' root.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn bind(&mut self, from: &str, at: &str, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        self.done(&Request::Bind { from: from.into(), at: at.into() }, step)
    }

    /// Mount a disk at `/disks/NAME`, with a new ext4 if that is wanted.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn mount_disk(
        &mut self,
        name: &str,
        make: bool,
        read_only: bool,
        step: &dyn Fn(&str),
    ) -> Result<(), EngineError> {
        self.done(&Request::MountDisk { name: name.into(), make, read_only }, step)
    }

    /// Unmount a disk; what was written is in its image file then.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn unmount_disk(&mut self, name: &str, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        self.done(&Request::UnmountDisk { name: name.into() }, step)
    }

    /// Make a volume in the place of the one before, or of the device of
    /// [`Engine::set_up`].
    ///
    /// # Errors
    /// As [`Engine::ask`]; there is no volume then.
    pub fn make_volume(
        &mut self,
        volume: Volume,
        step: &dyn Fn(&str),
    ) -> Result<VolumeMade, EngineError> {
        match self.ask(&Request::MakeVolume { volume }, step)? {
            Reply::VolumeMade(made) => Ok(made),
            other => Err(unexpected("a volume", other)),
        }
    }

    /// Forget the volume.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn drop_volume(&mut self, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        self.done(&Request::DropVolume, step)
    }

    /// Drop caches.
    ///
    /// # Errors
    /// As [`Engine::ask`]: those of the volume cannot be dropped while programs
    /// use it.
    pub fn drop_caches(&mut self, caches: Caches, step: &dyn Fn(&str)) -> Result<(), EngineError> {
        self.done(&Request::DropCaches { caches }, step)
    }

    /// Run a program to its end.
    ///
    /// # Errors
    /// As [`Engine::ask`]; not for what the program does.
    pub fn run_program(
        &mut self,
        program: Program,
        talk: Talk<'_>,
        step: &dyn Fn(&str),
    ) -> Result<Ran, EngineError> {
        let program = Program { input: talk.input.is_some(), ..program };
        self.talk(&Request::RunProgram { program }, talk, step)
    }

    /// Run a program to its end, and keep what it prints.
    ///
    /// # Errors
    /// As [`Engine::run_program`].
    pub fn capture(
        &mut self,
        program: Program,
        step: &dyn Fn(&str),
    ) -> Result<Captured, EngineError> {
        let program = Program { input: false, ..program };
        self.captured(&Request::RunProgram { program }, step)
    }

    /// Start a program in the background; its number is for
    /// [`Engine::end_program`]. That it cannot be executed is told there.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn start_program(
        &mut self,
        program: Program,
        step: &dyn Fn(&str),
    ) -> Result<u32, EngineError> {
        match self.ask(&Request::StartProgram { program }, step)? {
            Reply::Started { id } => Ok(id),
            other => Err(unexpected("a program's number", other)),
        }
    }

    /// Send a signal (none, if 0) to a program in the background, wait for its
    /// end, but not longer than told, and then kill it.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub fn end_program(
        &mut self,
        id: u32,
        signal: i32,
        within: Duration,
        step: &dyn Fn(&str),
    ) -> Result<Captured, EngineError> {
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.captured(&Request::EndProgram { id, signal, within_ms }, step)
    }

    fn captured(
        &mut self,
        request: &Request,
        step: &dyn Fn(&str),
    ) -> Result<Captured, EngineError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut output = |stream, data: &[u8]| {
            match stream {
                Stream::Stdout => stdout.extend_from_slice(data),
                Stream::Stderr => stderr.extend_from_slice(data),
            }
            true
        };
        let ran = self.talk(request, Talk { output: &mut output, input: None }, step)?;
        Ok(Captured { ran, stdout, stderr })
    }

    fn talk(
        &mut self,
        request: &Request,
        talk: Talk<'_>,
        step: &dyn Fn(&str),
    ) -> Result<Ran, EngineError> {
        match self.vm.talk(request, talk, &mut |text| step(text))? {
            Reply::Ran(ran) => Ok(ran),
            Reply::Failed(failure) => Err(failure.into()),
            other => Err(unexpected("a program's end", other)),
        }
    }
}
