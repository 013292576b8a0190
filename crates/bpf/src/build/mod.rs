// SPDX-License-Identifier: GPL-2.0-only
//! From a policy's source to an object file.
//!
//! A Rust policy is an ordinary library crate; [`Builder::build`] compiles it for
//! BPF with a toolchain that it finds by itself, and leaves the crate's own
//! target folder alone. A C policy is one file.

mod c;
mod error;
mod headers;
mod run;
mod rust;
mod vmlinux;

pub use error::BuildError;
pub use rust::Toolchain;

use crate::object::PolicyObject;
use raext_model::{Error, Progress};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A kernel whose types a policy in C is compiled with.
#[derive(Debug, Clone)]
pub struct KernelTypes {
    /// Its `uname -r`.
    pub release: String,
    /// Its BTF: raw, or in an ELF file.
    pub btf: PathBuf,
}

/// Gets the target kernel, which may have to be fetched.
type TargetKernel = dyn Fn() -> Result<KernelTypes, Error>;

/// Builds policies.
#[derive(Clone)]
pub struct Builder {
    include: PathBuf,
    shim: PathBuf,
    tools: PathBuf,
    target: PathBuf,
    kernel: Option<Rc<TargetKernel>>,
    progress: Rc<dyn Progress>,
}

impl Builder {
    /// A builder that takes the C header and the shim from the checkout `root`, and tools and
    /// room for intermediate files from the folder `build`. `progress` shows each step.
    pub fn new(root: &Path, build: &Path, progress: Rc<dyn Progress>) -> Self {
        Self {
            include: root.join("include"),
            shim: root.join("crates/policy/shim/kfuncs.c"),
            tools: build.join("tools"),
            target: build.join("bpf"),
            kernel: None,
            progress,
        }
    }

    /// The builder with a target kernel: a C file that includes `vmlinux.h`, and has none of
    /// its own, is compiled with one of this kernel. `kernel` is called in that case only.
    #[must_use]
    pub fn for_kernel(self, kernel: Rc<TargetKernel>) -> Self {
        Self { kernel: Some(kernel), ..self }
    }

    /// Compile `source`, the folder of a crate or a C file, and put
    /// `NAME.bpf.o` into `out`.
    ///
    /// # Errors
    /// When the toolchain is missing, the source does not compile, or what comes
    /// of it is no policy.
    pub fn build(&self, source: &Path, out: &Path) -> Result<PathBuf, BuildError> {
        fs::create_dir_all(out)
            .map_err(|source| BuildError::Write { path: out.to_path_buf(), source })?;
        let (object, warnings) = if source.is_dir() {
            let toolchain = Toolchain::find(&self.tools)?;
            self.progress.step(&format!("compiling {} with {toolchain}", source.display()));
            fs::create_dir_all(&self.target)
                .map_err(|source| BuildError::Write { path: self.target.clone(), source })?;
            let shim = c::bitcode(&self.shim, &self.target)?;
            rust::build(&toolchain, source, &shim, &self.target, out)?
        } else {
            self.progress.step(&format!("compiling {}", source.display()));
            c::compile(self, source, out, &[])?
        };
        if !warnings.is_empty() {
            self.progress.step(&format!("the compiler warns:\n{warnings}"));
        }
        PolicyObject::read(&object)?;
        Ok(object)
    }

    /// Compile a C file with more flags than a policy wants, and do not look at
    /// what comes of it: for programs that are to be refused.
    ///
    /// # Errors
    /// When there is no compiler or the file does not compile.
    pub fn build_unchecked(
        &self,
        source: &Path,
        out: &Path,
        flags: &[&str],
    ) -> Result<PathBuf, BuildError> {
        fs::create_dir_all(out)
            .map_err(|source| BuildError::Write { path: out.to_path_buf(), source })?;
        Ok(c::compile(self, source, out, flags)?.0)
    }
}
