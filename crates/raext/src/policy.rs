// SPDX-License-Identifier: GPL-2.0-only
//! From a policy's name on the command line to an object file.

use crate::exit::Result;
use crate::module;
use crate::steps::Steps;
use raext_bpf::build::{Builder, KernelTypes};
use raext_bpf::object::PolicyObject;
use raext_kernel::Kernels;
use raext_model::{At as _, Error, IoExt as _, Progress as _};
use raext_vm::{KernelChoice, Paths};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where a policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A folder with a Cargo.toml, or a C file: to be built.
    Code(PathBuf),
    /// An object file.
    Object(PathBuf),
}

/// The kernel that a policy is built for. The object runs on others, too: a C file may include
/// the kernel's types, and those are moved to their place when it is loaded.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The running one.
    Running,
    /// One that a microVM boots.
    MicroVm(KernelChoice),
}

/// Where the running kernel has its types.
const RUNNING_BTF: &str = "/sys/kernel/btf/vmlinux";

impl Target {
    /// The kernel's types. A kernel for the microVM is fetched, if need be.
    fn types(&self, cache: &Path, steps: &Rc<Steps>) -> Result<KernelTypes> {
        match self {
            Self::MicroVm(choice) => {
                let kernels = Kernels::new(cache, steps.clone())?;
                let kernel = kernels.provide(&choice.want, choice.untested)?;
                Ok(KernelTypes { btf: kernel.headers.join("vmlinux"), release: kernel.release })
            }
            Self::Running => {
                let btf = PathBuf::from(RUNNING_BTF);
                if !btf.exists() {
                    return Err(Error::environment(format!(
                        "this kernel has no BTF ({RUNNING_BTF}): put a vmlinux.h beside the policy"
                    )));
                }
                Ok(KernelTypes { release: module::release(), btf })
            }
        }
    }
}

/// Find the source of a policy: a path that exists wins, then the name of a
/// shipped policy.
pub(crate) fn resolve(name: &str) -> Result<Source> {
    let path = Path::new(name);
    let shipped = || -> Result<Option<PathBuf>> {
        Ok(shipped(&Paths::find()?)?.into_iter().find(|p| label(p) == name))
    };
    if !name.contains('/')
        && !path.is_file()
        && let Some(code) = shipped()?
    {
        return Ok(Source::Code(code));
    }
    match path.extension().and_then(|e| e.to_str()) {
        Some("c") if path.is_file() => Ok(Source::Code(path.to_path_buf())),
        _ if path.join("Cargo.toml").is_file() => Ok(Source::Code(path.to_path_buf())),
        // The reader of the object file reports its faults.
        _ if path.exists() || name.contains('/') || name.ends_with(".o") => {
            Ok(Source::Object(path.to_path_buf()))
        }
        _ => {
            let names: Vec<_> = shipped_names()?;
            Err(Error::refused(format!(
                "no policy '{name}': give the path of one, or a shipped one ({})",
                names.join(", ")
            )))
        }
    }
}

/// The object file of a policy, built first where there is only source.
pub(crate) fn object(name: &str, target: &Target, steps: &Rc<Steps>) -> Result<PolicyObject> {
    let file = match resolve(name)? {
        Source::Object(file) => file,
        Source::Code(code) => {
            let paths = Paths::find()?;
            build(&paths, &code, target, steps)?
        }
    };
    Ok(PolicyObject::read(&file)?)
}

/// Build a policy's source for a kernel.
pub(crate) fn build(
    paths: &Paths,
    code: &Path,
    target: &Target,
    steps: &Rc<Steps>,
) -> Result<PathBuf> {
    let (target, cache, progress) = (target.clone(), paths.cache(), Rc::clone(steps));
    let types = move || target.types(&cache, &progress);
    steps.step(&format!("building the policy {}", label(code)));
    Builder::new(&paths.root, &paths.build, steps.clone())
        .for_kernel(Rc::new(types))
        .build(code, &paths.policies())
        .at(format!("building {}", code.display()))
}

/// The sources of the policies that come with the project, by name.
pub(crate) fn shipped(paths: &Paths) -> Result<Vec<PathBuf>> {
    let dir = paths.root.join("policies");
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir).ours("reading", &dir)? {
        let path = entry.ours("reading", &dir)?.path();
        if path.join("Cargo.toml").is_file() {
            found.push(path);
        } else if path.is_dir() {
            found.extend(c_files(&path)?);
        }
    }
    found.sort();
    Ok(found)
}

fn c_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).ours("reading", dir)? {
        let path = entry.ours("reading", dir)?.path();
        if path.to_string_lossy().ends_with(".bpf.c") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The names of the shipped policies.
pub(crate) fn shipped_names() -> Result<Vec<String>> {
    Ok(shipped(&Paths::find()?)?.iter().map(|p| label(p)).collect())
}

/// The name of a policy, from its folder, its C file or its object file.
pub(crate) fn label(code: &Path) -> String {
    let name = code.file_name().map(|name| name.to_string_lossy().into_owned());
    name.map_or_else(
        || code.display().to_string(),
        |name| {
            let stem = name.strip_suffix(".c").or(name.strip_suffix(".o")).unwrap_or(&name);
            stem.strip_suffix(".bpf").unwrap_or(stem).to_owned()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_short_names() {
        assert_eq!(label(Path::new("policies/wide")), "wide");
        assert_eq!(label(Path::new("policies/noop-c/noop-c.bpf.c")), "noop-c");
        assert_eq!(label(Path::new("mine.c")), "mine");
        assert_eq!(label(Path::new("build/policies/wide.bpf.o")), "wide");
    }
}
