// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels there are: in the cache, in the archive, and tested.

use crate::tested::TESTED;
use crate::{KernelError, Kernels, Series, archive};
use std::time::Duration;

/// Lists of the archive that are older are fetched again.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A series of kernels.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// The series.
    pub series: Series,
    /// The releases in the cache, newest first.
    pub cached: Vec<String>,
    /// The newest release that the archive has with headers.
    pub archive: Option<String>,
    /// The release that the tests ran on.
    pub tested: Option<&'static str>,
}

/// All series that are known of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Survey {
    /// The series, oldest first.
    pub series: Vec<Known>,
    /// Why the archive could not be asked, if so.
    pub trouble: Option<KernelError>,
}

impl Kernels {
    /// Look into the cache, and ask the archive: its lists are at most a day old.
    #[must_use]
    pub fn survey(&self) -> Survey {
        let (available, trouble) = match archive::available(self, AGE) {
            Ok(available) => (available, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Survey { series: by_series(archive::all_cached(&self.cache), available), trouble }
    }
}

fn by_series(cached: Vec<String>, available: Vec<String>) -> Vec<Known> {
    let mut all: Vec<Series> = TESTED.iter().map(|tested| tested.series).collect();
    all.extend(cached.iter().chain(&available).filter_map(|release| Series::of(release)));
    all.sort();
    all.dedup();
    all.into_iter()
        .map(|series| Known {
            series,
            cached: cached.iter().filter(|release| series.contains(release)).cloned().collect(),
            archive: available.iter().find(|release| series.contains(release)).cloned(),
            tested: TESTED.iter().find(|t| t.series == series).map(|t| t.release),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(releases: &[&str]) -> Vec<String> {
        releases.iter().map(|release| (*release).to_owned()).collect()
    }

    #[test]
    fn each_series_has_what_is_known_of_it() {
        let cached = owned(&["6.18.15-x", "6.18.9-x", "6.16.3-x"]);
        let found = by_series(cached, owned(&["7.4.1-x", "6.12.117-x", "6.12.9-x"]));
        let all: Vec<_> = found.iter().map(|known| known.series.to_string()).collect();
        assert_eq!(all, ["6.12", "6.16", "6.18", "7.2", "7.3", "7.4"]);
        assert_eq!(found[0].archive.as_deref(), Some("6.12.117-x"));
        assert_eq!(found[0].cached, owned(&[]));
        assert_eq!((&found[1].archive, found[1].tested), (&None, None));
        assert_eq!(found[2].cached, owned(&["6.18.15-x", "6.18.9-x"]));
        assert_eq!(found[2].tested, Some("6.18.15+deb13-cloud-amd64"));
        assert_eq!(found[5].archive.as_deref(), Some("7.4.1-x"));
    }
}
