// SPDX-License-Identifier: GPL-2.0-only
//! Kernel series and the order of versions.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A series of kernels, such as 6.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The 6 of 6.12.
    pub major: u32,
    /// The 12 of 6.12.
    pub minor: u32,
}

impl Series {
    /// Whether a version or release, such as `6.12.117+deb12`, is of this series.
    #[must_use]
    pub fn contains(self, version: &str) -> bool {
        numbers(version).starts_with(&[u64::from(self.major), u64::from(self.minor)])
    }

    /// The series of a version or release.
    #[must_use]
    pub fn of(version: &str) -> Option<Self> {
        let number = |at: usize| u32::try_from(*numbers(version).get(at)?).ok();
        Some(Self { major: number(0)?, minor: number(1)? })
    }
}

/// A text that names no series.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a kernel series: give two numbers, as in 6.12")]
pub struct NotASeries(String);

impl FromStr for Series {
    type Err = NotASeries;

    fn from_str(text: &str) -> Result<Self, NotASeries> {
        let wrong = || NotASeries(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten().ok_or_else(wrong)
        };
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The numbers in a version, in order: what versions are compared by, so that
/// 6.12.117 is newer than 6.12.99.
pub(crate) fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(u64::MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_two_numbers() {
        assert_eq!("6.12".parse(), Ok(Series { major: 6, minor: 12 }));
        for wrong in ["", "6", "6.", ".12", "6.12.1", "6.x", "+6.12", "v6.12", "6.99999999999"] {
            assert_eq!(wrong.parse::<Series>(), Err(NotASeries(wrong.into())), "{wrong}");
        }
    }

    #[test]
    fn a_series_has_its_own_versions_only() {
        let series = Series { major: 6, minor: 1 };
        assert!(series.contains("6.1.0-50"));
        assert!(!series.contains("6.12.117+deb12"));
        assert!(!series.contains("16.1.0"));
        assert!(!series.contains(""));
    }

    #[test]
    fn a_release_has_its_series() {
        let series = |release| Series::of(release).map(|series| series.to_string());
        assert_eq!(series("6.18.15+deb13-cloud-amd64").as_deref(), Some("6.18"));
        assert_eq!(series("7.3-rc1").as_deref(), Some("7.3"));
        assert_eq!(series("7"), None);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("6.12.117+deb12") > numbers("6.12.99+deb12"));
        assert!(numbers("6.12.117+deb13") > numbers("6.12.117+deb12"));
    }
}
