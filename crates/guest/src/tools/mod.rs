// SPDX-License-Identifier: GPL-2.0-only
//! Programs of our own beside the real ones, where no package has them: run in
//! the root of programs as `raext-agent tool NAME ARGUMENTS`. They say what they
//! found in one line, or what is wrong and status 1.

mod beside;
mod content;
mod model;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Do what the arguments say.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<_> = arguments.collect();
    let said = match &*name {
        "fill" => content::fill_command(&arguments),
        "beside" => beside::command(&arguments),
        "model-make" => model::make_command(&arguments),
        "model-load" => model::load_command(&arguments),
        _ => Err(ToolError(format!("no tool '{name}': fill, beside, model-make, model-load"))),
    };
    match said {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("raext-agent {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong.
#[derive(Debug)]
struct ToolError(String);

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToolError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("cannot {what} {}: {error}", path.display()))
    }

    fn usage(usage: &str) -> Self {
        Self(format!("usage: raext-agent tool {usage}"))
    }
}

/// A whole file in memory's place.
struct Map {
    at: *const u8,
    len: usize,
}

// SAFETY: it is only read, by whomever.
unsafe impl Sync for Map {}
// SAFETY: as before.
unsafe impl Send for Map {}

impl Map {
    fn new(path: &Path) -> Result<Self, ToolError> {
        let file = File::open(path).map_err(ToolError::io("open", path))?;
        let len = file.metadata().map_err(ToolError::io("look at", path))?.len() as usize;
        let (read, shared) = (rustix::mm::ProtFlags::READ, rustix::mm::MapFlags::SHARED);
        // SAFETY: a new mapping, wherever the kernel likes.
        let at = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, read, shared, &file, 0) };
        let at = at.map_err(|error| ToolError::io("map", path)(error.into()))?;
        Ok(Self { at: at.cast(), len })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: it is mapped for as long as `self` lives, and the
        // data of a run is not written.
        unsafe { std::slice::from_raw_parts(self.at, self.len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: it is the whole of a mapping of ours.
        let _ = unsafe { rustix::mm::munmap(self.at.cast_mut().cast(), self.len) };
    }
}
