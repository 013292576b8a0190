// SPDX-License-Identifier: GPL-2.0-only
//! Gets a stock kernel to run, and what belongs to it.
//!
//! A [`Kernel`] is four things that must fit each other: the image, its
//! modules, its headers and its BTF. [`provide`] takes them from the package
//! archive into a cache (nothing is installed: an installed image would change
//! the boot menu) or finds them beside an image of the user's own.
//! [`load_order`] reads modules out of it, [`build_module`] builds
//! `readahead_ext.ko` for it, and [`carve_btf`] finds the BTF in an image.

mod archive;
mod cache;
mod codec;
mod error;
mod headers;
mod image;
mod kmod;
mod modules;
mod own;
mod series;

use std::path::{Path, PathBuf};

pub use error::KernelError;
pub use image::{carve_btf, release_of_image};
pub use kmod::build_module;
pub use modules::load_order;
pub use series::{NotASeries, Series};

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

/// Provide a kernel. What is made is kept in `cache`, whole or not at all;
/// `step` is told the name of each step that takes long.
///
/// # Errors
/// When the archive, a tool or the network is wanting, or the given image is
/// none; [`KernelError::is_environment`] tells the two apart.
pub fn provide(cache: &Path, want: &Want, step: &dyn Fn(&str)) -> Result<Kernel, KernelError> {
    let cache = std::path::absolute(cache).map_err(|e| KernelError::io("resolve", cache, e))?;
    match want {
        Want::NewestOf(series) => archive::newest(&cache, *series, step),
        Want::Image(image) => own::beside(&cache, image, step),
    }
}
