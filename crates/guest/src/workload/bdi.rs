// SPDX-License-Identifier: GPL-2.0-only
//! How far the kernel reads ahead by default: the setting of the backing device
//! (`Documentation/ABI/testing/sysfs-class-bdi`), which a file takes over when it
//! is opened.

use crate::workload::StageError;
use crate::workload::error::Context as _;
use raext_model::Fs;
use std::fs;
use std::path::{Path, PathBuf};

const CLASS: &str = "/sys/class/bdi";

/// The setting of a file system on the device `number` (`MAJOR:MINOR`). It is the
/// device's, but for btrfs, which has one of its own for each mount.
pub(crate) fn setting(fs: Fs, number: &str) -> Result<PathBuf, StageError> {
    let class = Path::new(CLASS);
    let name = match fs {
        Fs::Btrfs => newest(class, "btrfs-")?,
        Fs::Ext4 | Fs::Xfs | Fs::Overlay | Fs::Raw => number.to_owned(),
    };
    Ok(class.join(name).join("read_ahead_kb"))
}

/// The name with the largest number: they count up, and one is mounted at a time.
fn newest(class: &Path, prefix: &str) -> Result<String, StageError> {
    let mut newest = None;
    for entry in fs::read_dir(class).at("reading", class)? {
        let name = entry.at("reading", class)?.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(prefix).and_then(|number| number.parse::<u64>().ok());
        newest = newest.max(number);
    }
    let none = || std::io::Error::other(format!("it has no {prefix}*"));
    newest.map(|number| format!("{prefix}{number}")).ok_or_else(none).at("reading", class)
}

/// The value of a setting, KiB.
pub(crate) fn read(setting: &Path) -> Result<u32, StageError> {
    let text = fs::read_to_string(setting).at("reading", setting)?;
    text.trim().parse().map_err(std::io::Error::other).at("reading", setting)
}

/// Change a setting.
pub(crate) fn write(setting: &Path, kb: u32) -> Result<(), StageError> {
    fs::write(setting, kb.to_string()).at("writing", setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_one_with_the_largest_number() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["8:0", "btrfs-9", "btrfs-10", "btrfs-x", "other-11"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        assert_eq!(newest(dir.path(), "btrfs-").unwrap(), "btrfs-10");
        let none = newest(dir.path(), "zfs-").unwrap_err().to_string();
        assert!(none.contains("zfs-*"), "{none}");
    }

    #[test]
    fn a_setting_is_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("read_ahead_kb");
        write(&path, 512).unwrap();
        assert_eq!(read(&path).unwrap(), 512);
        fs::write(&path, "much\n").unwrap();
        assert!(read(&path).is_err());
    }
}
