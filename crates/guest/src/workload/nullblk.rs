// SPDX-License-Identifier: GPL-2.0-only
//! null_blk: a real block device of the kernel, backed by memory, with a latency
//! and a bandwidth of our choice.

use crate::workload::StageError;
use crate::workload::error::Context as _;
use raext_model::{DeviceProfile, kernel_dev};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

const CONFIG: &str = "/sys/kernel/config/nullb";
/// The name of the device, too.
const NAME: &str = "raext0";

/// A device; gone when dropped.
#[derive(Debug)]
pub struct NullBlk {
    config: PathBuf,
}

impl NullBlk {
    /// Make the device with room for `data_bytes` and a file system around them.
    pub fn new(profile: DeviceProfile, data_bytes: u64) -> Result<Self, StageError> {
        // mkfs.xfs makes nothing smaller than 300 MB.
        let size_mib = (data_bytes.div_ceil(1 << 20) + 96).max(320);
        let config = Path::new(CONFIG).join(NAME);
        fs::create_dir(&config).at("making", &config)?;
        // From here on the device is removed if a step fails.
        let device = Self { config };
        for (attribute, value) in [
            ("size", size_mib),
            ("blocksize", 4096),
            ("memory_backed", 1),
            // Completion by timer, which is what gives a latency.
            ("irqmode", 2),
            ("completion_nsec", profile.latency_ns()),
            ("mbps", mebibytes(profile.mbps())),
            ("submit_queues", 2),
            ("power", 1),
        ] {
            let path = device.config.join(attribute);
            fs::write(&path, value.to_string()).at("writing", &path)?;
        }
        device.await_node()?;
        Ok(device)
    }

    /// The device's file.
    pub fn node(&self) -> PathBuf {
        node()
    }

    /// Its number, `MAJOR:MINOR`.
    pub fn number(&self) -> Result<String, StageError> {
        let path = Path::new("/sys/block").join(NAME).join("dev");
        Ok(fs::read_to_string(&path).at("reading", &path)?.trim().to_owned())
    }

    /// The same as the kernel keeps it.
    pub fn kernel_dev(&self) -> Result<u32, StageError> {
        let number = self.number()?;
        let parsed = number
            .split_once(':')
            .and_then(|(major, minor)| Some(kernel_dev(major.parse().ok()?, minor.parse().ok()?)));
        let bad = || std::io::Error::other(format!("'{number}' is no MAJOR:MINOR"));
        parsed.ok_or_else(bad).at("understanding the number of", &node())
    }

    /// What the device counts.
    pub fn stat(&self) -> PathBuf {
        Path::new("/sys/block").join(NAME).join("stat")
    }

    /// devtmpfs makes the node a moment after the device is there.
    fn await_node(&self) -> Result<(), StageError> {
        for _ in 0..500 {
            if self.node().exists() {
                return Ok(());
            }
            sleep(Duration::from_millis(2));
        }
        fs::metadata(self.node()).at("waiting for", &self.node()).map(drop)
    }
}

/// The file of the device, if there is one.
pub fn node() -> PathBuf {
    Path::new("/dev").join(NAME)
}

/// What null_blk calls `mbps` are MiB a second (its `mb_per_tick()`), profiles
/// are in 10^6 bytes.
fn mebibytes(megabytes: u32) -> u64 {
    (u64::from(megabytes) * 1_000_000 + (1 << 19)) >> 20
}

impl Drop for NullBlk {
    fn drop(&mut self) {
        // Whether this works is seen when the next device is made.
        let _ = fs::write(self.config.join("power"), "0");
        let _ = fs::remove_dir(&self.config);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidth_is_converted_and_rounded() {
        assert_eq!(DeviceProfile::ALL.map(|p| mebibytes(p.mbps())), [1907, 191, 143]);
    }
}
