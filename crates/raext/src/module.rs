// SPDX-License-Identifier: GPL-2.0-only
//! `raext module`: the kernel module of the running kernel.
//!
//! `load` and `unload` change the running kernel.

use crate::args::ModuleCommand;
use crate::exit::Result;
use crate::steps::Steps;
use raext_bpf::load::{Resource, await_release};
use raext_kernel::Kernels;
use raext_model::Error;
use raext_vm::Paths;
use rustix::io::Errno;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Build, load or remove.
pub(crate) fn run(command: &ModuleCommand, steps: &Rc<Steps>) -> Result<()> {
    match command {
        ModuleCommand::Build { untested } => build(*untested, steps),
        ModuleCommand::Load => load(),
        ModuleCommand::Unload => unload(steps),
    }
}

/// The `uname -r` of the running kernel.
pub(crate) fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn built() -> Result<PathBuf> {
    Ok(Paths::find()?.module(&release()).join("readahead_ext.ko"))
}

fn build(untested: bool, steps: &Rc<Steps>) -> Result<()> {
    let paths = Paths::find()?;
    let kernels = Kernels::new(&paths.cache(), steps.clone())?;
    let kernel = kernels.running(untested)?;
    let out = paths.module(&kernel.release);
    let module = kernels.build_module(&kernel, &paths.root.join("kmod"), &out)?;
    steps.finish();
    println!("{}", module.display());
    Ok(())
}

fn load() -> Result<()> {
    let path = built()?;
    let file = File::open(&path).map_err(|error| {
        Error::environment(format!("{}: {error}: run `raext module build` first", path.display()))
    })?;
    if !Path::new("/proc/modules").exists() {
        return Err(Error::environment("the running kernel was built without loadable modules"));
    }
    match rustix::system::finit_module(&file, c"", 0) {
        Ok(()) => println!("loaded {}", path.display()),
        Err(Errno::EXIST) => println!("readahead_ext is loaded already"),
        Err(errno) => {
            return Err(Error::environment(match errno {
                Errno::PERM => "loading a module needs root (and no lockdown)".to_owned(),
                Errno::NOEXEC => format!(
                    "{} was not built for the running kernel {}: run `raext module build`",
                    path.display(),
                    release()
                ),
                other => format!("{}: {other}: the kernel's log has the reason", path.display()),
            }));
        }
    }
    Ok(())
}

fn unload(steps: &Steps) -> Result<()> {
    if fs::metadata("/sys/module/readahead_ext").is_err() {
        println!("readahead_ext is not loaded");
        return Ok(());
    }
    match remove() {
        // Detached policies hold the module until the grace period is over.
        Err(Errno::WOULDBLOCK) => {
            refuse_while_attached()?;
            await_release(Resource::Module, steps).map_err(|holders| {
                Error::environment(format!(
                    "readahead_ext: a policy is loaded and holds the module: {holders}: end the \
                     holder, then run `raext module unload` again"
                ))
            })?;
            remove()
        }
        removed => removed,
    }
    .map_err(|errno| {
        Error::environment(match errno {
            Errno::PERM => "removing a module needs root".to_owned(),
            Errno::WOULDBLOCK => "readahead_ext: a policy was loaded meanwhile and holds the \
                                  module: see `raext list`, then `raext detach`"
                .to_owned(),
            other => format!("removing readahead_ext: {other}"),
        })
    })?;
    println!("removed");
    Ok(())
}

/// As rmmod does it: the kernel refuses a module in use, and never forces.
fn remove() -> Result<(), Errno> {
    rustix::system::delete_module(c"readahead_ext", libc_nonblock())
}

/// Refuse at once while a policy is attached.
fn refuse_while_attached() -> Result<()> {
    let pins = raext_bpf::load::pins()?.policies;
    let names: Vec<_> = match raext_bpf::load::attached() {
        Some(attached) => attached.iter().map(ToString::to_string).collect(),
        None => pins.into_iter().map(|pin| pin.name).collect(),
    };
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::environment(format!(
        "readahead_ext: the module is held by an attached policy ({}): see `raext list`, then \
         `raext detach`",
        names.join("; ")
    )))
}

/// `O_NONBLOCK`, which delete_module takes as its flag.
fn libc_nonblock() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits() as i32
}
