// SPDX-License-Identifier: GPL-2.0-only
//! Gets a stock kernel to run, and what belongs to it.
//!
//! A [`Kernel`] is four things that must fit each other: the image, its
//! modules, its headers and its BTF. [`Kernels::provide`] takes them from the package
//! archive into a cache (nothing is installed: an installed image would change
//! the boot menu) or finds them beside an image of the user's own. Kernels that
//! are newer than the machine come with the tools to build for them.
//! [`Kernels::survey`] says which there are, [`load_order`] reads modules out of it,
//! [`Kernels::build_module`] builds `readahead_ext.ko` for it, [`carve_btf`] finds
//! the BTF in an image, and [`Kernels::source`] provides files of a kernel's source.

mod apt;
mod archive;
mod cache;
mod codec;
mod environment;
mod error;
mod headers;
mod image;
mod kmod;
mod modules;
mod own;
mod pinned;
mod programs;
mod running;
mod series;
mod source;
mod survey;
mod tested;

use environment::Environment;
use raext_model::Progress;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

pub use error::KernelError;
pub use image::{carve_btf, release_of_image};
pub use modules::load_order;
pub use programs::{Packages, ProgramRoot};
pub use series::{NotASeries, Series};
pub use source::Source;
pub use survey::{Known, Survey};
pub use tested::{TESTED, Tested, refuse_untested};

/// A kernel with all that is needed to boot it and to build a module for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kernel {
    /// Its `uname -r`, e.g. `6.12.117+deb12-cloud-amd64`.
    pub release: String,
    /// The bzImage.
    pub image: PathBuf,
    /// Its modules: `…/lib/modules/<release>`.
    pub modules_dir: PathBuf,
    /// Its headers, usable in place as `KDIR`, with a `vmlinux` that holds the
    /// kernel's BTF.
    pub headers: PathBuf,
    /// Folder of the cache for what is derived from this kernel.
    pub store: PathBuf,
    /// Whether it is of a series that is not in [`TESTED`].
    pub untested: bool,
    /// Where the module is to be built for it, if not on the machine.
    environment: Option<Environment>,
}

/// Which kernel is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The newest of a series that the package archive has; once one is in the
    /// cache, the newest of those.
    NewestOf(Series),
    /// This image, with the modules and headers of its release: looked for in
    /// the tree that the image lies in (`../lib/modules/<release>`,
    /// `../usr/src/linux-headers-<release>`), then in that of the machine.
    Image(PathBuf),
}

/// A series, such as 6.18, or else the path of an image.
impl FromStr for Want {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::Image(text.into()), Self::NewestOf))
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewestOf(series) => series.fmt(f),
            Self::Image(image) => image.display().fmt(f),
        }
    }
}

impl Default for Want {
    fn default() -> Self {
        Self::NewestOf(TESTED[0].series)
    }
}

/// The kernels in a cache, and those of the package archive.
#[derive(Clone)]
pub struct Kernels {
    pub(crate) cache: PathBuf,
    pub(crate) progress: Rc<dyn Progress>,
}

impl Kernels {
    /// Kernels that are kept in `cache`. `progress` shows each step that takes long.
    ///
    /// # Errors
    /// When the path cannot be resolved.
    pub fn new(cache: &Path, progress: Rc<dyn Progress>) -> Result<Self, KernelError> {
        Ok(Self { cache: absolute(cache)?, progress })
    }

    /// Provide a kernel. It is kept in the cache, whole or not at all. A kernel of a
    /// series that is not in [`TESTED`] is refused, unless `untested` says to go on.
    ///
    /// # Errors
    /// When the archive, a tool or the network is missing, the given file is no image,
    /// or the kernel is refused; its [`Kind`](raext_model::Kind) says which.
    pub fn provide(&self, want: &Want, untested: bool) -> Result<Kernel, KernelError> {
        let refuse = |version: &str| if untested { Ok(()) } else { refuse_untested(version) };
        match want {
            Want::NewestOf(series) => {
                refuse(&series.to_string())?;
                archive::newest(self, *series)
            }
            Want::Image(image) => {
                refuse(&release_of_image(image)?)?;
                own::beside(self, image)
            }
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, KernelError> {
    std::path::absolute(path).map_err(|e| KernelError::io("resolve", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_told_from_a_file() {
        let want = |text: &str| text.parse::<Want>().unwrap();
        assert_eq!(want("6.18"), Want::NewestOf(Series { major: 6, minor: 18 }));
        for file in ["./6.18", "boot/vmlinuz", "6.18.15", ""] {
            assert_eq!(want(file), Want::Image(file.into()));
        }
        assert_eq!(want("7.3").to_string(), "7.3");
        assert_eq!(Want::default().to_string(), "6.12");
    }

    #[test]
    fn an_untested_series_is_refused_before_anything_is_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let want = Want::NewestOf(Series { major: 5, minor: 10 });
        let progress = Rc::new(raext_model::Lines(|step: &str| panic!("{step}")));
        let kernels = Kernels::new(dir.path(), progress).unwrap();
        let error = kernels.provide(&want, false).unwrap_err();
        assert!(matches!(error, KernelError::Untested { .. }), "{error}");
    }
}
