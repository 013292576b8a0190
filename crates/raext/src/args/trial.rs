// SPDX-License-Identifier: GPL-2.0-only
//! The flags of `raext try`.

use super::{KernelArgs, key_value, limit, parse, size};
use clap::Args;
use raext_model::{DeviceProfile, Fs};
use std::ffi::OsString;
use std::path::PathBuf;

/// `raext try`
#[derive(Debug, Args)]
#[command(override_usage = "raext try [OPTIONS] -- COMMAND [ARGUMENT]...")]
pub(crate) struct TryArgs {
    /// The policy, with tunables after a colon: wide:limit_kb=8192 [default:
    /// none, the kernel's own readahead].
    #[arg(long, short, value_name = "POLICY[:NAME=VALUE,...]")]
    pub policy: Option<String>,
    /// Copy this folder (or file) onto the device. The command finds it at the same
    /// path. May be repeated.
    #[arg(long, short, value_name = "DIR")]
    pub data: Vec<PathBuf>,
    /// The device's latency and bandwidth: nvme (0.1 ms, 2 GB/s), cloud (1 ms,
    /// 200 MB/s) or disk (5 ms, 150 MB/s).
    #[arg(long, value_name = "PROFILE", default_value = "disk", value_parser = parse::<DeviceProfile>)]
    pub device: DeviceProfile,
    /// The file system of the data: ext4, xfs, btrfs or overlay.
    #[arg(long, value_name = "FS", default_value = "ext4", value_parser = parse::<Fs>)]
    pub fs: Fs,
    /// Size of the device, such as 2G [default: the data and a quarter].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Option<u64>,
    /// Memory of the microVM, such as 4G. The device lies in it [default: enough
    /// for the device, to cache all data, and 1G].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Memory of the command and its page cache, such as 256M (memory.max of its
    /// cgroup), at least 256K [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub limit: Option<u64>,
    /// Set the read_ahead_kb of the device to N instead of the kernel's default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    pub read_ahead_kb: Option<u32>,
    /// Do not drop the caches after the copy.
    #[arg(long)]
    pub warm: bool,
    /// Run this shell command first, without measuring it: it may make data or start a
    /// server. A folder of --data need not exist then. May be repeated.
    #[arg(long, value_name = "COMMAND")]
    pub before: Vec<String>,
    /// Set a variable of the environment, beside this shell's. May be repeated.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = key_value)]
    pub env: Vec<(String, String)>,
    /// Kill the command after SECONDS seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Run the command twice, each time on a fresh copy of the data: first with the
    /// kernel's own readahead. The output is that of the second run.
    #[arg(long)]
    pub compare: bool,
    #[command(flatten)]
    pub kernel: KernelArgs,
    /// Also write the summary as JSON to this file ("-": to standard error, instead of
    /// the table).
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The command and its arguments.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<OsString>,
}
