// SPDX-License-Identifier: GPL-2.0-only
//! Why a policy could not be loaded, attached or detached, other than by the
//! kernel's verdict.

use crate::load::release::Holders;
use raext_model::{Classified, Kind};
use std::path::PathBuf;
use thiserror::Error;

/// The errors of loading, attaching and detaching.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The object file is not what it should be.
    #[error("{0}")]
    Object(#[from] crate::object::ObjectError),
    /// libbpf does not open the object file.
    #[error("{}: libbpf does not open it: {said}", path.display())]
    Open {
        /// The object file.
        path: PathBuf,
        /// libbpf's words.
        said: String,
    },
    /// A tunable's value was not taken.
    #[error("{}: tunable {name} could not be set: {why}", path.display())]
    Tunable {
        /// The object file.
        path: PathBuf,
        /// The tunable.
        name: String,
        /// The reason.
        why: String,
    },
    /// The policy's table lacks a member, and the member cannot be added.
    #[error(
        "{}: its table has no member {member}: build it against the current \
         readahead_ext.bpf.h or raext-policy",
        path.display()
    )]
    NoMember {
        /// The object file.
        path: PathBuf,
        /// The member.
        member: &'static str,
    },
    /// The policy reads the state's fields where the module has others.
    #[error(
        "{}: reads `{field}` of the state at byte {own}, and the module has it at byte {there}: \
         build it with `raext build`, or add __attribute__((preserve_access_index)) to its \
         struct bpf_fs_readahead_state",
        path.display()
    )]
    OtherLayout {
        /// The object file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its place in the object, bytes.
        own: usize,
        /// Its place in the module, bytes.
        there: usize,
    },
    /// The table wants fields that the module does not know.
    #[error(
        "{}: its table wants {unknown:#x}, which is no bit of bpf_fs_readahead_wants: leave \
         `wants` at 0, raext adds the bits of the fields that the program reads",
        path.display()
    )]
    UnknownWant {
        /// The object file.
        path: PathBuf,
        /// The bits.
        unknown: u64,
    },
    /// The policy that was to be replaced is not there any more.
    #[error("{0} was detached meanwhile: nothing was replaced")]
    Gone(String),
    /// The kernel did not replace a policy.
    #[error("the kernel did not put {name} into the place of {old}: {why}")]
    Swap {
        /// The new policy.
        name: String,
        /// The old one.
        old: String,
        /// The reason as the system gave it.
        why: String,
    },
    /// The caller may not load programs.
    #[error("loading a policy needs root (CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN)")]
    NotPermitted,
    /// The module is not there.
    #[error(
        "the kernel module readahead_ext is not loaded: run `raext module build` and \
         `raext module load`"
    )]
    NoModule,
    /// The kernel's BTF is not there.
    #[error("this kernel has no BTF (/sys/kernel/btf/vmlinux): it cannot run policies")]
    NoBtf,
    /// Another policy has the place.
    #[error(
        "the place is taken by {holder}: `raext detach` or `raext swap` it, or choose a narrower \
         place (--cgroup, --device)"
    )]
    Busy {
        /// Its name.
        holder: String,
    },
    /// The scope is taken, and the module's table has no policy in it.
    #[error(
        "the readahead functions are held by a livepatch, or kernel.ftrace_enabled is 0: the \
         kernel's log says which"
    )]
    HooksHeld,
    /// Loaded, but the kernel did not attach it.
    #[error("the kernel did not attach {name}: {why}")]
    Attach {
        /// The policy.
        name: String,
        /// The reason as the system gave it.
        why: String,
    },
    /// The file system for pins is not there.
    #[error("{}: {why}: is bpffs mounted? (mount -t bpf bpf /sys/fs/bpf)", path.display())]
    Bpffs {
        /// Where the pin was to be.
        path: PathBuf,
        /// The reason as the system gave it.
        why: String,
    },
    /// The pin's name is taken.
    #[error("a policy is pinned as '{0}' already: detach it first, or choose another --name")]
    NameTaken(String),
    /// The pin's name cannot be a file's.
    #[error("'{0}' cannot be a policy's name: use letters, digits, '-' and '_'")]
    BadName(String),
    /// No such pin.
    #[error("no policy is pinned as '{0}': `raext list` shows those that are")]
    NoSuchPin(String),
    /// A pin that cannot be read as a policy's.
    #[error(
        "{}: {why}: `bpftool link show pinned` and `rm` work on it, raext leaves it alone",
        path.display()
    )]
    UnreadablePin {
        /// The pin.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The pin is gone or the process's link is closed, and the policy still decides.
    #[error(
        "{name} (link {link_id}) still decides: {holders}: end the holder, and the policy is \
         detached"
    )]
    Held {
        /// The name that the policy was detached by.
        name: String,
        /// The id of its link.
        link_id: u32,
        /// The holders.
        holders: Holders,
    },
}

impl Classified for LoadError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotPermitted
            | Self::NoModule
            | Self::NoBtf
            | Self::HooksHeld
            | Self::Bpffs { .. }
            | Self::Held { .. } => Kind::Environment,
            _ => Kind::Refused,
        }
    }
}
