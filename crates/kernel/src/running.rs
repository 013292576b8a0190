// SPDX-License-Identifier: GPL-2.0-only
//! The kernel that this runs on, to build the module for it.

use crate::own::find;
use crate::{Kernel, KernelError, Kernels, refuse_untested};
use std::path::Path;

impl Kernels {
    /// The running kernel. Its headers are those that `/lib/modules` names.
    ///
    /// # Errors
    /// When its series is not tested and `untested` is not set, or when its headers are missing.
    pub fn running(&self, untested: bool) -> Result<Kernel, KernelError> {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        of(&self.cache, &release, untested)
    }
}

fn of(cache: &Path, release: &str, untested: bool) -> Result<Kernel, KernelError> {
    if !untested {
        refuse_untested(release)?;
    }
    let modules_dir = Path::new("/lib/modules").join(release);
    let places = [modules_dir.join("build")];
    let headers = find(("headers", "linux-headers"), release, places.into(), |dir| {
        dir.join("Makefile").is_file()
    })?;
    Ok(Kernel {
        release: release.to_owned(),
        image: Path::new("/boot").join(format!("vmlinuz-{release}")),
        modules_dir,
        headers,
        store: cache.join("own").join(release),
        untested,
        environment: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    #[test]
    fn an_untested_kernel_is_refused_before_its_headers_are_looked_for() {
        let error = of(Path::new("/cache"), "5.10.0-none", false).unwrap_err();
        assert!(matches!(error, KernelError::Untested { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Refused);
    }

    #[test]
    fn missing_headers_are_named_with_their_package() {
        let error = of(Path::new("/cache"), "6.12.0-none", false).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert_eq!(
            error.to_string(),
            "no headers of kernel 6.12.0-none: looked in /lib/modules/6.12.0-none/build; install \
             the package linux-headers-6.12.0-none"
        );
    }
}
