// SPDX-License-Identifier: GPL-2.0-only
//! Reading all of the data from a device that fails in places, as an
//! application does that goes on after an error.

use crate::requests::{Outcome, ReadFailure, Sight};
use raext_guest::parts::{Mapping, PAGE, StageContext as _, StageError, Target, verify};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Read everything in portions of `op_bytes`. An error is passed over with
/// the page that it is for.
///
/// # Errors
/// When the file cannot be opened, or brings wrong data.
pub(super) fn read_all(target: &Target, op_bytes: u64) -> Result<Sight, StageError> {
    let file = File::open(&target.path).at("opening", &target.path)?;
    let mut buffer = vec![0xa5; op_bytes as usize];
    let mut sight = Sight::default();
    let mut offset = 0;
    while offset < target.data_bytes {
        let asked = op_bytes.min(target.data_bytes - offset);
        let outcome = match file.read_at(&mut buffer[..asked as usize], offset) {
            Ok(n) => {
                verify(offset, &buffer[..n])?;
                sight.bytes += n as u64;
                (n as u64 != asked).then_some(Outcome::Short(n as u64))
            }
            Err(error) => Some(Outcome::Error(error.raw_os_error().unwrap_or_default())),
        };
        if let Some(outcome) = outcome {
            sight.failures.push(ReadFailure { offset, outcome });
        }
        offset += match outcome {
            None => asked,
            // A short read is followed by one of what is missing.
            Some(Outcome::Short(n)) if n > 0 => n,
            _ => PAGE - offset % PAGE,
        };
    }
    Ok(sight)
}

/// Touch and verify each page of a mapping from `offset` on; `about_to` is
/// told of each before it is touched. A page that cannot be read ends the
/// process with a signal.
///
/// # Errors
/// When the file cannot be mapped, or brings wrong data.
pub(super) fn touch_all(
    target: &Target,
    offset: u64,
    about_to: &mut dyn FnMut(u64),
) -> Result<(), StageError> {
    let file = File::open(&target.path).at("opening", &target.path)?;
    let map = Mapping::new(&file, target.data_bytes as usize).at("mapping", &target.path)?;
    for at in (offset..target.data_bytes).step_by(PAGE as usize) {
        about_to(at);
        verify(at, map.bytes(at as usize, PAGE.min(target.data_bytes - at) as usize))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_guest::parts::fill;

    #[test]
    fn what_is_missing_is_told_with_its_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut data = vec![0; 3 * 4096 + 512];
        fill(0, &mut data);
        std::fs::write(file.path(), &data).unwrap();
        let path = file.path().to_owned();
        let whole = Target { path, data_bytes: data.len() as u64, stat: None };
        let sight = read_all(&whole, 8192).unwrap();
        assert_eq!((sight.bytes, sight.failures), (whole.data_bytes, vec![]));
        let mut touched = Vec::new();
        touch_all(&whole, 4096, &mut |at| touched.push(at)).unwrap();
        assert_eq!(touched, [4096, 8192, 12288]);

        // Longer than the file.
        let target = Target { data_bytes: 5 * 4096, ..whole };
        let sight = read_all(&target, 8192).unwrap();
        assert_eq!(sight.bytes, 3 * 4096 + 512);
        let failure = |offset, n| ReadFailure { offset, outcome: Outcome::Short(n) };
        assert_eq!(sight.failures, [failure(8192, 4608), failure(12800, 0), failure(16384, 0)]);
    }
}
