// SPDX-License-Identifier: GPL-2.0-only
//! The errors on the way to a kernel, in one line each.

use crate::Series;
use raext_model::{Classified, Kind};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no kernel, no module list or no module.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A program is not there.
    #[error("{tool} is missing: install the package {package}")]
    Tool {
        /// The program.
        tool: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A program of the packaging system failed.
    #[error("{tool} failed: {detail}")]
    ToolFailed {
        /// The program.
        tool: &'static str,
        /// Its own words.
        detail: String,
    },
    /// The machine knows of no kernel package at all.
    #[error(
        "apt's package lists have no kernels, so there is nothing to choose from: \
         run `apt-get update` (or `make setup`)"
    )]
    NoLists,
    /// The archive has kernels, but not of this series.
    #[error(
        "the package archive has no kernel {series} with headers \
         (linux-image-{series}.*-{flavour}); the newest images that it has: {}",
        .found.join(", ")
    )]
    NotInArchive {
        /// The wanted packages or series.
        series: Series,
        /// The flavour of kernel that is looked for.
        flavour: &'static str,
        /// The newest kernels of that flavour in the archive, newest first.
        found: Vec<String>,
    },
    /// The archive has no source of a series.
    #[error(
        "{package}: the package archive has no such package: `raext kernels` lists the series that it has"
    )]
    NoSource {
        /// The package that would have it.
        package: String,
    },
    /// The kernel is of a series that was not tested, and that was not waived.
    #[error(
        "kernel {kernel} is of no tested series ({tested}): \
         the behaviour of a policy there is not tested: --untested accepts it"
    )]
    Untested {
        /// The kernel, or its series.
        kernel: String,
        /// The tested series.
        tested: String,
    },
    /// The tools for a newer kernel cannot be run beside the machine's own.
    #[error(
        "the build for {release} needs newer tools than the machine's, in a root of their own: {detail}"
    )]
    Environment {
        /// The kernel.
        release: String,
        /// The reason.
        detail: String,
    },
    /// Packages could not be downloaded.
    #[error(
        "cannot download {}: {detail}; is there a network? \
         If the lists are out of date, run `apt-get update`",
        .packages.join(" ")
    )]
    Download {
        /// The wanted packages or series.
        packages: Vec<String>,
        /// The first complaint of apt.
        detail: String,
    },
    /// A package does not contain what it should.
    #[error("the packages of kernel {release} have no {what}")]
    Package {
        /// The kernel.
        release: String,
        /// The missing part.
        what: String,
    },
    /// The file system said no.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// The step that failed.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The image is not one.
    #[error("{} is not a kernel image: {why}", .path.display())]
    NotAKernel {
        /// The file.
        path: PathBuf,
        /// Its fault.
        why: String,
    },
    /// The image is one without BTF.
    #[error("the kernel {} has no BTF ({why}): it must be built with CONFIG_DEBUG_INFO_BTF=y", .path.display())]
    NoBtf {
        /// The image.
        path: PathBuf,
        /// The content in place of the BTF.
        why: String,
    },
    /// Part of a kernel of the user's own was not found.
    #[error(
        "no {what} of kernel {release}: looked in {}; install the package {package}",
        list(.looked)
    )]
    NotBeside {
        /// "modules" or "headers".
        what: &'static str,
        /// The kernel.
        release: String,
        /// Where they could have been.
        looked: Vec<PathBuf>,
        /// The Debian package that would have them.
        package: String,
    },
    /// The headers lead somewhere that is not there.
    #[error("the headers in {} lack {what}: install the package {package}", .path.display())]
    Headers {
        /// The headers.
        path: PathBuf,
        /// The missing part.
        what: String,
        /// The Debian package that has it.
        package: String,
    },
    /// The kernel has no such module, and it is not built in.
    #[error("kernel {release} has no module {name}, nor is it built in")]
    NoSuchModule {
        /// The module.
        name: String,
        /// The kernel.
        release: String,
    },
    /// A module's file is not one.
    #[error("{} is not a kernel module: {why}", .path.display())]
    BadModule {
        /// The file.
        path: PathBuf,
        /// Its fault.
        why: String,
    },
    /// Something that the build needs is not there.
    #[error("the module cannot be built: {detail}")]
    BuildLacks {
        /// The line of `kmod/build.sh`.
        detail: String,
    },
    /// The module's sources do not compile.
    #[error("the module does not build for {release}:\n{output}")]
    Build {
        /// The kernel.
        release: String,
        /// The compiler's output.
        output: String,
    },
}

impl Classified for KernelError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotAKernel { .. }
            | Self::NoBtf { .. }
            | Self::BadModule { .. }
            | Self::Build { .. }
            | Self::Untested { .. } => Kind::Refused,
            _ => Kind::Environment,
        }
    }
}

impl KernelError {
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn not_a_kernel(path: &Path, why: impl Into<String>) -> Self {
        Self::NotAKernel { path: path.to_owned(), why: why.into() }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
