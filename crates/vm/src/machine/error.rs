// SPDX-License-Identifier: GPL-2.0-only
//! Everything that can go wrong with a virtual machine.

use raext_model::{Classified, Failure, Kind, WireError};
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use thiserror::Error;

/// Why a virtual machine could not be had, or was lost.
#[derive(Debug, Error)]
pub enum VmError {
    /// QEMU is not installed.
    #[error("{program}: not found: install qemu-system-x86")]
    NoQemu {
        /// The missing program.
        program: PathBuf,
    },
    /// QEMU is there but cannot be started.
    #[error("{program}: cannot be started: {source}")]
    Spawn {
        /// QEMU.
        program: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The kernel image cannot be read.
    #[error("kernel {path}: cannot be read: {source}")]
    KernelUnreadable {
        /// The image.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The kernel image is something else.
    #[error("kernel {path}: {why}: give an x86-64 bzImage, such as /boot/vmlinuz-*")]
    NotAKernel {
        /// The file.
        path: PathBuf,
        /// Its fault.
        why: &'static str,
    },
    /// A file that belongs into the guest cannot be read.
    #[error("{path}: cannot be read for the microVM: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A program that belongs into the guest is not installed.
    #[error("{name}: program not found: the microVM needs it, install it")]
    NoProgram {
        /// Its name.
        name: String,
    },
    /// A program or library that belongs into the guest is not understood.
    #[error("{path}: not an x86-64 ELF file that can be taken into the microVM: {why}")]
    NotElf {
        /// The file.
        path: PathBuf,
        /// Its fault.
        why: String,
    },
    /// A shared library that a program needs is not there.
    #[error("{needed_by}: its shared library {name} was not found: install it")]
    NoLibrary {
        /// The library.
        name: String,
        /// The program that needs it.
        needed_by: PathBuf,
    },
    /// A path in the guest that is not one.
    #[error("{path}: no path for a file of the microVM: it must be absolute, without '..'")]
    GuestPath {
        /// The path.
        path: String,
    },
    /// The initramfs cannot be made.
    #[error("cannot make the initramfs: {0}")]
    Initramfs(#[source] io::Error),
    /// The console's log cannot be written.
    #[error("{path}: cannot keep the console's log there: {source}")]
    ConsoleLog {
        /// The log.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is no virtiofsd.
    #[error(
        "no virtiofsd found (in PATH, /usr/libexec, /usr/lib/qemu): the microVM needs it to see \
         folders of this machine; install qemu-system-common or virtiofsd"
    )]
    NoVirtiofsd,
    /// A folder cannot be shared so that the guest can only read it.
    #[error(
        "{path}: cannot be shown read-only to the microVM: {why}; it takes root, or user \
         namespaces for all and Linux 5.12"
    )]
    NoReadOnlyView {
        /// The folder.
        path: PathBuf,
        /// The step that failed, and the reason.
        why: String,
    },
    /// The path of a share is no folder, or the path of a disk no file.
    #[error("{path}: {why}")]
    Unfit {
        /// The path.
        path: PathBuf,
        /// Its fault.
        why: String,
    },
    /// `RAEXT_ACCEL` is not understood.
    #[error("RAEXT_ACCEL={value}: no such accelerator: choose kvm or tcg")]
    BadAccel {
        /// Its value.
        value: String,
    },
    /// The agent did not say hello in time.
    #[error("the microVM did not start within {} s; its console ended with:\n{console}", after.as_secs())]
    BootDeadline {
        /// The deadline.
        after: Duration,
        /// The last lines of the console.
        console: String,
    },
    /// The agent did not answer in time.
    #[error(
        "the microVM was silent for {} s while at {request}; its console ended with:\n{console}",
        after.as_secs()
    )]
    AnswerDeadline {
        /// The request that it served.
        request: String,
        /// The deadline.
        after: Duration,
        /// The last lines of the console.
        console: String,
    },
    /// The guest's kernel panicked or oopsed.
    #[error("the kernel of the microVM crashed; in its own words:\n{words}")]
    Panic {
        /// The kernel's words: its complaint, the place, the call trace.
        words: String,
    },
    /// QEMU ended without being asked to.
    #[error(
        "QEMU ended by itself ({status}){}{}",
        part("it said", said),
        part("the console ended with", console)
    )]
    Exited {
        /// How.
        status: ExitStatus,
        /// QEMU's own messages.
        said: String,
        /// The last lines of the guest's console.
        console: String,
    },
    /// The agent could not set the guest up.
    #[error("the microVM could not be set up: {0}")]
    Setup(Failure),
    /// The agent said what cannot be understood.
    #[error(
        "the agent in the microVM is not understood: {0}: build the agent again (`make build`)"
    )]
    Wire(#[source] WireError),
    /// The agent answered what was not asked.
    #[error(
        "the agent in the microVM answered out of turn: {reply}: build the agent again \
         (`make build`)"
    )]
    OutOfTurn {
        /// The answer.
        reply: String,
    },
    /// The machine was lost in an earlier request.
    #[error("the microVM is gone since an earlier error")]
    Gone,
}

impl Classified for VmError {
    fn kind(&self) -> Kind {
        match self {
            Self::KernelUnreadable { .. }
            | Self::NotAKernel { .. }
            | Self::BadAccel { .. }
            | Self::Unfit { .. } => Kind::Refused,
            _ => Kind::Environment,
        }
    }
}

/// `; what:\ntext`, if there is text.
fn part(what: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; {what}:\n{text}") }
}
