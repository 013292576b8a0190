// SPDX-License-Identifier: GPL-2.0-only
//! Gets a stock kernel to run, and what belongs to it.
//!
//! A [`Kernel`] is four things that must fit each other: the image, its
//! modules, its headers and its BTF. [`provide`] takes them from the package
//! archive into a cache (nothing is installed: an installed image would change
//! the boot menu) or finds them beside an image of the user's own. Kernels that
//! are newer than the machine come with the tools to build for them.
//! [`survey()`] says which there are, [`load_order`] reads modules out of it, [`build_module`] builds
//! `readahead_ext.ko` for it, and [`carve_btf`] finds the BTF in an image.

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
mod survey;
mod tested;

use environment::Environment;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use error::KernelError;
pub use image::{carve_btf, release_of_image};
pub use kmod::build_module;
pub use modules::load_order;
pub use programs::{ProgramRoot, provide_programs};
pub use running::running;
pub use series::{NotASeries, Series};
pub use survey::{Known, Survey, survey};
pub use tested::{TESTED, Tested, refuse_untested};

/// A kernel with all that is needed to boot it and to build a module for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kernel {
    /// What `uname -r` says in it, e.g. `6.12.117+deb12-cloud-amd64`.
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

/// Provide a kernel. What is made is kept in `cache`, whole or not at all;
/// `step` is told the name of each step that takes long. A kernel of a series
/// that is not in [`TESTED`] is refused, unless `untested` says to go on.
///
/// # Errors
/// When the archive, a tool or the network is wanting, the given image is none,
/// or the kernel is refused; its [`Kind`](raext_model::Kind) tells them apart.
pub fn provide(
    cache: &Path,
    want: &Want,
    untested: bool,
    step: &dyn Fn(&str),
) -> Result<Kernel, KernelError> {
    let cache = std::path::absolute(cache).map_err(|e| KernelError::io("resolve", cache, e))?;
    let refuse = |version: &str| if untested { Ok(()) } else { refuse_untested(version) };
    match want {
        Want::NewestOf(series) => {
            refuse(&series.to_string())?;
            archive::newest(&cache, *series, step)
        }
        Want::Image(image) => {
            refuse(&release_of_image(image)?)?;
            own::beside(&cache, image, step)
        }
    }
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
        let step = |step: &str| panic!("{step}");
        let error = provide(dir.path(), &want, false, &step).unwrap_err();
        assert!(matches!(error, KernelError::Untested { .. }), "{error}");
    }
}
