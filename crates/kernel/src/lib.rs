// SPDX-License-Identifier: GPL-2.0-only
//! Gets a stock kernel to run, and what belongs to it.
//!
//! [`carve_btf`] finds the BTF in an image.

mod codec;
mod error;
mod image;
mod series;


pub use error::KernelError;
pub use image::{carve_btf, release_of_image};
pub use series::{NotASeries, Series};

