// SPDX-License-Identifier: GPL-2.0-only
//! Programs of a root in the guest, in the short form that recipes want.

use crate::software::SoftwareError;
use crate::software::error::tail;
use raext_model::requests::{DropCaches, EndProgram, StartProgram};
use raext_model::{Caches, DeviceProfile, End, Output, Program, User};
use raext_vm::{Captured, Session};
use std::collections::BTreeMap;

/// Where the data lies in a program's root.
pub(super) const DATA: &str = "/data";
/// Nothing of the catalogue takes nearly that long.
const DEADLINE_MS: u64 = 300_000;
/// Nor does anything of it need nearly that long before it begins with what is timed.
const START_MS: u64 = 10_000;
/// The longest wait for the end of a program in the background.
const END_MS: u64 = 120_000;

/// The guest, with a root and the data of a row.
pub(crate) struct Guest<'a> {
    /// The machine.
    pub session: &'a mut Session,
    /// The device that the data lies on.
    pub profile: DeviceProfile,
    /// Whether the run begins with nothing of the volume in memory.
    pub cold: bool,
    /// The limit of the timed part of this run, milliseconds: a slower run is stopped.
    pub limit_ms: Option<u64>,
    /// Programs that can stop by themselves are to do so after so many milliseconds.
    pub stop_ms: Option<u64>,
    /// The facts that the data set's recipe printed, by name.
    pub facts: &'a BTreeMap<String, String>,
}

impl Guest<'_> {
    /// Drop what is cached of the volume by mounting it anew, unless this run is
    /// to be a cached one.
    ///
    /// # Errors
    /// When a program uses it.
    pub(crate) fn drop_caches(&mut self) -> Result<(), SoftwareError> {
        if self.cold {
            self.session.ask(DropCaches { caches: Caches::Volume })?;
        }
        Ok(())
    }

    /// Run a program, which must end well.
    ///
    /// # Errors
    /// When it does not; [`SoftwareError::Cut`] if what it is timed for takes longer
    /// than the limit for sure.
    pub(crate) fn run(&mut self, mut program: Program) -> Result<Captured, SoftwareError> {
        let name = name_of(&program);
        let cut = self.limit_ms.map(|ms| ms + START_MS).filter(|ms| *ms < DEADLINE_MS);
        if cut.is_some() {
            program.deadline_ms = cut;
        }
        let captured = self.session.capture(program)?;
        if cut.is_some() && captured.ran.end == End::Deadline {
            return Err(SoftwareError::Cut(Box::new(captured.ran)));
        }
        well(&name, captured)
    }

    /// Start a program behind the others.
    ///
    /// # Errors
    /// When the guest cannot.
    pub(crate) fn start(&mut self, program: Program) -> Result<Behind, SoftwareError> {
        let name = name_of(&program);
        Ok(Behind { id: self.session.ask(StartProgram { program })?, name })
    }

    /// End a program in the background by a signal (none, if 0).
    ///
    /// # Errors
    /// When it does not end well.
    pub(crate) fn end(&mut self, behind: Behind, signal: i32) -> Result<Captured, SoftwareError> {
        let end = EndProgram { id: behind.id, signal, within_ms: END_MS };
        let captured = self.session.end_program(end)?;
        well(&behind.name, captured)
    }

    /// A number by the speed of the device, so that a run takes neither too long
    /// on a slow one nor too short on a fast one.
    pub(crate) fn sized(&self, disk: u64, cloud: u64, nvme: u64) -> u64 {
        match self.profile {
            DeviceProfile::Disk => disk,
            DeviceProfile::Cloud => cloud,
            DeviceProfile::Nvme => nvme,
        }
    }

    /// A fact that the data set's recipe printed.
    ///
    /// # Errors
    /// When it did not.
    pub(crate) fn fact(&self, name: &'static str) -> Result<&str, SoftwareError> {
        let fact = self.facts.get(name).map(String::as_str);
        fact.ok_or_else(|| SoftwareError::output("the data set", name, ""))
    }
}

/// A program in the background.
pub(crate) struct Behind {
    id: u32,
    name: String,
}

/// A program of a root, run by root without a limit.
pub(super) fn program<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Program {
    let env = [
        ("PATH", "/usr/sbin:/usr/bin:/usr/lib/postgresql/15/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("HOME", "/root"),
        ("TZ", "UTC"),
    ];
    Program {
        argv: argv.into_iter().map(Into::into).collect(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        cwd: DATA.into(),
        user: User::default(),
        memory_max: None,
        output: Output::Send,
        input: false,
        deadline_ms: Some(DEADLINE_MS),
        leave_children: false,
    }
}

/// A script of the shell, that ends with its first command that fails.
pub(super) fn shell(script: &str) -> Program {
    program(["bash", "-e", "-u", "-o", "pipefail", "-c", script])
}

fn name_of(program: &Program) -> String {
    program.argv.first().cloned().unwrap_or_default()
}

fn well(name: &str, captured: Captured) -> Result<Captured, SoftwareError> {
    if captured.ran.end == End::Exit(0) {
        return Ok(captured);
    }
    let errors = String::from_utf8_lossy(&captured.stderr).into_owned();
    let said = if errors.trim().is_empty() { captured.text() } else { errors };
    let mut said = tail(&said);
    if captured.ran.oom_kills > 0 {
        said = format!("out of memory; {said}");
    }
    Err(SoftwareError::Failed { program: name.to_owned(), end: captured.ran.end, said })
}
