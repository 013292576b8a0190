// SPDX-License-Identifier: GPL-2.0-only
//! The one list of kernels that this is tested with, and who is not on it.
//!
//! A change in readahead from one series to the next gives no error at
//! compile time as a rule, so that a kernel of another series is refused
//! unless the user insists. `kmod/shim/compat.h` refuses the same ones; a test holds
//! the two lists against each other.

use crate::{KernelError, Series};

/// A series that was tested, and by which of its kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tested {
    /// The series.
    pub series: Series,
    /// The release (`uname -r`) of the kernel that the tests ran on.
    pub release: &'static str,
}

const fn on(major: u32, minor: u32, release: &'static str) -> Tested {
    Tested { series: Series { major, minor }, release }
}

/// The tested series, oldest first. The first is the one that is used unless
/// the user asks for another.
pub const TESTED: [Tested; 4] = [
    on(6, 12, "6.12.117+deb12-cloud-amd64"),
    on(6, 18, "6.18.15+deb13-cloud-amd64"),
    on(7, 2, "7.2.12+deb13-cloud-amd64"),
    on(7, 3, "7.3.4+deb13-cloud-amd64"),
];

/// Whether a version or release is of a tested series.
pub(crate) fn is_tested(version: &str) -> bool {
    TESTED.iter().any(|tested| tested.series.contains(version))
}

/// Refuse a kernel, by its version or release, of a series that was not tested.
///
/// # Errors
/// When it is of none in [`TESTED`].
pub fn refuse_untested(version: &str) -> Result<(), KernelError> {
    if is_tested(version) {
        return Ok(());
    }
    Err(KernelError::Untested { kernel: version.to_owned(), tested: series_list() })
}

/// "6.12, 6.18, …"
fn series_list() -> String {
    TESTED.map(|tested| tested.series.to_string()).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};
    use std::fs;
    use std::path::Path;

    #[test]
    fn each_series_was_tested_with_a_kernel_of_its_own() {
        for tested in TESTED {
            assert!(tested.series.contains(tested.release), "{tested:?}");
        }
        assert!(TESTED.is_sorted_by_key(|tested| tested.series));
    }

    #[test]
    fn other_series_are_refused_with_the_list_of_those_that_are_not() {
        refuse_untested("6.18.99-rt").unwrap();
        for other in ["6.1.0-50-amd64", "6.19", "7.20.1", ""] {
            let error = refuse_untested(other).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused);
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("kernel {other} is of no tested series (6.12, 6.18"))
            );
            assert!(text.contains("--untested"), "{text}");
        }
    }

    #[test]
    fn the_module_refuses_the_same_series() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kmod/shim/compat.h");
        let text = fs::read_to_string(path).unwrap();
        let theirs: Vec<Series> = text
            .split("!RAEXT_SERIES(")
            .skip(1)
            .map(|rest| rest.split_once(')').unwrap().0.replace(", ", ".").parse().unwrap())
            .collect();
        assert_eq!(theirs, TESTED.map(|tested| tested.series));
    }
}
