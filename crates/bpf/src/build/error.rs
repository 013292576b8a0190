// SPDX-License-Identifier: GPL-2.0-only
//! Why a policy could not be built.

use raext_model::{Classified, Kind};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The errors of a build.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Nothing can compile Rust for BPF.
    #[error(
        "no Rust toolchain has a core library for BPF: install Debian's (apt-get install rustc-web \
         cargo-web libstd-rust-web-dev-bpf), or with rustup a nightly with its source (rustup \
         toolchain install nightly --component rust-src)"
    )]
    NoToolchain,
    /// bpf-linker is missing.
    #[error(
        "no bpf-linker, neither in {} nor in PATH: run `make setup`, or LLVM_PREFIX=/usr/lib/llvm-22 \
         cargo install bpf-linker --version 0.13.0 --no-default-features --features llvm-22",
        .0.display()
    )]
    NoLinker(PathBuf),
    /// The linker that the user named is not there.
    #[error("{variable} names {}, which is no file: correct or unset it", path.display())]
    NamedLinker {
        /// The environment variable.
        variable: &'static str,
        /// Its message.
        path: PathBuf,
    },
    /// clang is missing.
    #[error("no clang that compiles for BPF: apt-get install clang-22, or set CLANG")]
    NoClang,
    /// The source is neither kind.
    #[error("{}: is neither a folder with a Cargo.toml nor a C file (.c)", .0.display())]
    NotSource(PathBuf),
    /// The crate's manifest is not one of a policy.
    #[error("{}: {why}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Its fault.
        why: String,
    },
    /// The compiler had objections.
    #[error("{}: does not compile:\n{said}", path.display())]
    Compiler {
        /// The source.
        path: PathBuf,
        /// The compiler's words.
        said: String,
    },
    /// The types of the target kernel are not to be had.
    #[error("vmlinux.h: {0}")]
    Target(#[source] raext_model::Error),
    /// The types of the target kernel cannot be printed.
    #[error("{}: vmlinux.h cannot be made of its BTF: {why}", path.display())]
    KernelTypes {
        /// The file with the BTF.
        path: PathBuf,
        /// The reason as libbpf gave it.
        why: String,
    },
    /// A tool did not start.
    #[error("{program} did not start: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The outcome could not be put in its place.
    #[error("writing {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The object file is not a policy.
    #[error("{0}")]
    Object(#[from] crate::object::ObjectError),
}

impl Classified for BuildError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoToolchain
            | Self::NoLinker(_)
            | Self::NamedLinker { .. }
            | Self::NoClang
            | Self::KernelTypes { .. }
            | Self::Spawn { .. }
            | Self::Write { .. } => Kind::Environment,
            Self::NotSource(_) | Self::Manifest { .. } | Self::Compiler { .. } => Kind::Refused,
            Self::Object(error) => error.kind(),
            Self::Target(error) => error.kind(),
        }
    }
}
