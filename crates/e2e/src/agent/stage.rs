// SPDX-License-Identifier: GPL-2.0-only
//! A stage as only tests use it: broken in places, and with more than one file.

use crate::agent::extents;
use raext_guest::parts::{PAGE, Stage, StageContext as _, StageError, Target, write_data};
use raext_model::Fs;
use std::fs::{self, File};
use std::path::Path;

/// The places where null_blk fails.
const BAD_BLOCKS: &str = "/sys/kernel/config/nullb/raext0/badblocks";
/// Bytes of a sector, in which the block layer counts.
const SECTOR: u64 = 512;

/// Let the device fail to read these pages of the data.
///
/// # Errors
/// When they are not there, or the file system does not tell where they
/// are.
pub(super) fn spoil(stage: &Stage, offsets: &[u64]) -> Result<(), StageError> {
    let path = &stage.target().path;
    let file = File::open(path).at("opening", path)?;
    for &offset in offsets {
        let place = match stage.fs() {
            Fs::Raw => offset,
            Fs::Btrfs => {
                return Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
                    .at("finding on the device", path);
            }
            _ => extents::device_offset(&file, offset).at("finding on the device", path)?,
        };
        fail_reads(place, PAGE)?;
    }
    Ok(())
}

/// More files with the same data, `count` of them; made if need be.
///
/// # Errors
/// When there is no file system, or not room enough on it.
pub(super) fn copies(stage: &Stage, count: usize) -> Result<Vec<Target>, StageError> {
    let Target { path, data_bytes, .. } = stage.target();
    if stage.fs() == Fs::Raw {
        return Err(std::io::Error::from(std::io::ErrorKind::NotADirectory))
            .at("making a file on", path);
    }
    let copy = |number| {
        let path = path.with_file_name(format!("data{number}"));
        if !path.exists() {
            write_data(&path, stage.fs(), *data_bytes, &mut |_| ())?;
        }
        Ok(Target { path, data_bytes: *data_bytes, stat: None })
    };
    (1..=count).map(copy).collect()
}

/// From now on, a request fails that touches these bytes (whole sectors).
fn fail_reads(start: u64, len: u64) -> Result<(), StageError> {
    let path = Path::new(BAD_BLOCKS);
    let sectors = format!("+{}-{}", start / SECTOR, (start + len) / SECTOR - 1);
    fs::write(path, sectors).at("writing", path)
}
