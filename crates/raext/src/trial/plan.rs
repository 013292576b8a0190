// SPDX-License-Identifier: GPL-2.0-only
//! The plan of a trial, from its arguments.

use super::data::{self, Data};
use crate::args::TryArgs;
use crate::contenders;
use crate::exit::Result;
use crate::steps::Steps;
use raext_measure::experiment::{Contender, Policy};
use raext_model::{Error, Folder, Fs, IoExt as _, Output, Program, SHARES, User, Volume};
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The tag of the share with all of this machine's files.
pub(super) const HOST: &str = "host";
/// What the guest needs for itself, for what it reads from the share, and for
/// what programs write.
const REST_MIB: u64 = 1024;
/// The least that it has.
const LEAST_MIB: u64 = 2048;
/// Room for a file system around the data, besides a part of them.
const AROUND: u64 = 64 << 20;
const MIB: u64 = 1 << 20;

/// Everything that a trial needs to know.
#[derive(Debug)]
pub(super) struct Plan {
    /// The contenders, in the order of their runs.
    pub contenders: Vec<Contender>,
    /// How often: the kernel beside itself is run twice.
    pub repeats: u32,
    /// The policy's and the kernel's names, as they are shown.
    pub labels: Vec<String>,
    /// The content of the device; none without data.
    pub volume: Option<Volume>,
    /// The folders of this machine that lie on it.
    pub folders: Vec<PathBuf>,
    /// The size of these folders, bytes.
    pub data_bytes: u64,
    /// Sockets and device nodes in them, which are not copied.
    pub left_out: u64,
    /// The command.
    pub program: Program,
    /// Commands that make the data.
    pub before: Vec<Program>,
    /// Memory of the microVM, MiB.
    pub memory_mib: u32,
}

impl Plan {
    /// Understand the arguments and build what has to be built.
    pub(super) fn resolve(args: &TryArgs, steps: &Rc<Steps>) -> Result<Self> {
        if args.fs == Fs::Raw {
            return Err(Error::usage(
                "--fs raw: files need a file system: ext4, xfs, btrfs, overlay",
            ));
        }
        let changed = args.policy.is_some() || args.read_ahead_kb.is_some();
        if args.compare && !changed {
            return Err(Error::usage(
                "--compare: nothing to compare with: name a policy (--policy)",
            ));
        }
        if args.data.is_empty() && (changed || args.size.is_some()) {
            return Err(Error::usage(
                "a policy decides for files of the device only, and the device is empty without \
                 --data: name the folder that the command reads",
            ));
        }
        let data = data::resolve(&args.data, !args.before.is_empty())?;
        let data_bytes = data.iter().map(|data| data.bytes).sum();
        let left_out = data.iter().map(|data| data.left_out).sum();
        let size = size_of_device(args.size, data_bytes)?;
        let volume = (!data.is_empty())
            .then(|| {
                let folders = data.iter().map(folder).collect::<Result<_>>()?;
                Ok::<_, Error>(Volume { profile: args.device, fs: args.fs, bytes: size, folders })
            })
            .transpose()?;
        let on_device = if volume.is_some() { size } else { 0 };
        let memory_mib = memory(args.memory, on_device, data_bytes)?;
        let program = program(args)?;
        let shell = |command: &String| Program {
            argv: vec!["/bin/sh".into(), "-c".into(), command.clone()],
            memory_max: None,
            deadline_ms: None,
            // A server that the command needs.
            leave_children: true,
            ..program.clone()
        };
        let policy = args.policy.as_deref().filter(|name| *name != "none");
        let kernel = args.kernel.choice();
        let policy = policy.map(|text| contenders::policy(text, &kernel, steps)).transpose()?;
        let mut labels = vec!["kernel".to_owned()];
        if changed {
            let policy = policy.as_ref().map(|policy| policy.label.clone());
            let limit = args.read_ahead_kb.map(|kb| format!("{kb} KiB"));
            let last = [policy, limit].into_iter().flatten().collect::<Vec<_>>().join(", ");
            labels.push(if last.is_empty() { "kernel".into() } else { last });
            labels.drain(..usize::from(!args.compare));
        }
        let last = match (policy, args.read_ahead_kb) {
            (None, None) => Contender::Kernel,
            (None, Some(kb)) => Contender::Fixed(kb),
            (Some(policy), kb) => Contender::Policy(Policy { read_ahead_kb: kb, ..policy }),
        };
        // Of two runs, the first is the kernel's own as it is.
        let mut contenders = if args.compare { vec![Contender::Kernel, last] } else { vec![last] };
        contenders.dedup();
        Ok(Self {
            repeats: (labels.len() / contenders.len()) as u32,
            contenders,
            labels,
            volume,
            folders: data.into_iter().map(|data| data.path).collect(),
            data_bytes,
            left_out,
            before: args.before.iter().map(shell).collect(),
            program,
            memory_mib,
        })
    }
}

fn folder(data: &Data) -> Result<Folder> {
    let at = text(data.path.clone().into_os_string())?;
    let from = data.there.then(|| format!("{SHARES}/{HOST}{at}"));
    Ok(Folder { at, from })
}

/// Room for the data, and for what a program adds.
fn size_of_device(given: Option<u64>, data: u64) -> Result<u64> {
    match given {
        Some(size) if size < data => Err(Error::refused(format!(
            "--size: the data take {} MiB, more than the {} MiB of the device",
            data.div_ceil(MIB),
            size / MIB
        ))),
        Some(size) => Ok(size),
        None => Ok(data + data / 4 + AROUND),
    }
}

/// Memory for the machine: the device lies in it, and so does the cache.
fn memory(given: Option<u64>, device: u64, data: u64) -> Result<u32> {
    let needed = (device + data).div_ceil(MIB) + REST_MIB;
    let memory = match given.map(|bytes| bytes / MIB) {
        Some(given) if given < device.div_ceil(MIB) + REST_MIB / 4 => {
            return Err(Error::refused(format!(
                "--memory: the device lies in the microVM's memory and takes {} MiB: give at least \
                 {} MiB",
                device.div_ceil(MIB),
                device.div_ceil(MIB) + REST_MIB / 4
            )));
        }
        Some(given) => given,
        None => needed.max(LEAST_MIB),
    };
    if let Some(there) = free_mib()
        && memory > there
    {
        return Err(Error::refused(format!(
            "the microVM needs {memory} MiB of memory for {} MiB of data, and {there} MiB are free \
             here: take less data, or give --memory (and --size, if the device needs no room \
             beside the data)",
            data.div_ceil(MIB)
        )));
    }
    u32::try_from(memory).map_err(|_| Error::refused("--memory: too much"))
}

/// Memory that is available on this machine, MiB, if known.
fn free_mib() -> Option<u64> {
    use procfs::Current as _;
    procfs::Meminfo::current().ok()?.mem_available.map(|bytes| bytes / MIB)
}

/// The command as it would run here: its environment, its folder. It is root's,
/// who can do no harm there.
fn program(args: &TryArgs) -> Result<Program> {
    let mut variables: BTreeMap<String, String> = env::vars_os()
        // The agent takes text only.
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    variables.extend(args.env.iter().cloned());
    let cwd = env::current_dir().given("finding", Path::new("the current folder"))?;
    Ok(Program {
        argv: args.command.iter().cloned().map(text).collect::<Result<_>>()?,
        env: variables,
        cwd: text(cwd.into_os_string())?,
        user: User::default(),
        memory_max: args.limit,
        output: Output::Send,
        input: false,
        deadline_ms: args.timeout.map(|seconds| seconds * 1000),
        leave_children: false,
    })
}

fn text(word: OsString) -> Result<String> {
    word.into_string()
        .map_err(|word| Error::refused(format!("{}: not UTF-8", word.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_room_for_the_data_and_the_machine_for_the_device() {
        assert_eq!(size_of_device(None, 0).unwrap(), AROUND);
        let error = size_of_device(Some(MIB), 2 * MIB).unwrap_err().to_string();
        assert!(error.contains("take 2 MiB"), "{error}");
        assert_eq!(memory(None, 0, 0).unwrap(), 2048);
        assert_eq!(memory(None, 1000 * MIB, 500 * MIB).unwrap(), 2524);
        let error = memory(Some(500 * MIB), 1000 * MIB, 0).unwrap_err().to_string();
        assert!(error.contains("at least 1256 MiB"), "{error}");
        let error = memory(None, 1 << 50, 1 << 50).unwrap_err().to_string();
        assert!(error.contains("MiB are free"), "{error}");
    }
}
