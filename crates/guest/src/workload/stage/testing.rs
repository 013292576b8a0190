// SPDX-License-Identifier: GPL-2.0-only
//! A stage as only tests use it: read by many, broken in places, and with more
//! than one file.

use super::{Stage, write_data};
use crate::workload::error::Context as _;
use crate::workload::readers::Readers;
use crate::workload::target::{PAGE, Target};
use crate::workload::{StageError, extents};
use raext_model::Fs;
use std::fs::File;

impl Stage {
    /// Start threads that read and fault, dropping the cache behind them, until
    /// they are stopped.
    ///
    /// # Errors
    /// When the data cannot be opened.
    pub fn readers(&self, threads: u32) -> Result<Readers, StageError> {
        Readers::start(&self.target, threads)
    }

    /// Let the device fail to read these pages of the data.
    ///
    /// # Errors
    /// When they are not there, or the file system does not tell where they
    /// are.
    pub fn spoil(&self, offsets: &[u64]) -> Result<(), StageError> {
        let path = &self.target.path;
        let file = File::open(path).at("opening", path)?;
        for &offset in offsets {
            let place = match self.fs {
                Fs::Raw => offset,
                Fs::Btrfs => {
                    return Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
                        .at("finding on the device", path);
                }
                _ => extents::device_offset(&file, offset).at("finding on the device", path)?,
            };
            self.device.spoil(place, PAGE)?;
        }
        Ok(())
    }

    /// More files with the same data, `count` of them; made if need be.
    ///
    /// # Errors
    /// When there is no file system, or not room enough on it.
    pub fn copies(&self, count: usize) -> Result<Vec<Target>, StageError> {
        let Target { path, data_bytes, .. } = &self.target;
        if self.fs == Fs::Raw {
            return Err(std::io::Error::from(std::io::ErrorKind::NotADirectory))
                .at("making a file on", path);
        }
        let copy = |number| {
            let path = path.with_file_name(format!("data{number}"));
            if !path.exists() {
                write_data(&path, self.fs, *data_bytes, &mut |_| ())?;
            }
            Ok(Target { path, data_bytes: *data_bytes, stat: None })
        };
        (1..=count).map(copy).collect()
    }
}
