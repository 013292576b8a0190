// SPDX-License-Identifier: GPL-2.0-only
//! Where the project's own files are, and where the command may write.

use crate::SessionError;
use std::env;
use std::path::{Path, PathBuf};

/// The file by which a checkout is known.
const MARKER: &str = "kmod/readahead_ext_abi.h";

/// The places that the command works with.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The checkout: the module's source, the shipped policies, the C header.
    pub root: PathBuf,
    /// Everything that is built or fetched.
    pub build: PathBuf,
}

impl Paths {
    /// Find the checkout: `RAEXT_ROOT`, else the current folder and those above
    /// it, else those above the command itself, else where it was compiled.
    /// `RAEXT_BUILD` moves what is built out of the checkout.
    ///
    /// # Errors
    /// When none of these is a checkout.
    pub fn find() -> Result<Self, SessionError> {
        let root =
            match env::var_os("RAEXT_ROOT") {
                Some(root) => Some(PathBuf::from(root))
                    .filter(|root| is_checkout(root))
                    .ok_or_else(|| SessionError::NoCheckout {
                        place: "the folder in RAEXT_ROOT".into(),
                        marker: MARKER,
                    })?,
                None => [env::current_dir().ok(), env::current_exe().ok()]
                    .into_iter()
                    .flatten()
                    .find_map(|start| checkout_above(&start))
                    .or_else(|| checkout_above(Path::new(env!("CARGO_MANIFEST_DIR"))))
                    .ok_or_else(|| SessionError::NoCheckout {
                        place: "no folder above this one".into(),
                        marker: MARKER,
                    })?,
            };
        let build = env::var_os("RAEXT_BUILD").map_or_else(|| root.join("build"), PathBuf::from);
        Ok(Self { root, build })
    }

    /// Kernels and other things that were fetched.
    pub fn cache(&self) -> PathBuf {
        self.build.join("cache")
    }

    /// Object files of policies.
    pub fn policies(&self) -> PathBuf {
        self.build.join("policies")
    }

    /// The folder of the module for a kernel.
    pub fn module(&self, release: &str) -> PathBuf {
        self.build.join("kmod").join(release)
    }

    /// The agent of the microVM: `RAEXT_AGENT`, else beside this command, else
    /// where `make build` puts it.
    ///
    /// # Errors
    /// When it was not built.
    pub fn agent(&self) -> Result<PathBuf, SessionError> {
        if let Some(agent) = env::var_os("RAEXT_AGENT") {
            return Ok(agent.into());
        }
        let built = self.build.join("bin/raext-agent");
        env::current_exe()
            .ok()
            .map(|exe| exe.with_file_name("raext-agent"))
            .into_iter()
            .chain([built.clone()])
            .find(|path| path.is_file())
            .ok_or(SessionError::NoAgent(built))
    }
}

fn is_checkout(dir: &Path) -> bool {
    dir.join(MARKER).is_file()
}

fn checkout_above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|dir| is_checkout(dir)).map(Path::to_path_buf)
}
