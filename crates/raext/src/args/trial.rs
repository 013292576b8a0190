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
pub struct TryArgs {
    /// The policy, with tunables after a colon: wide:limit_kb=8192 [default:
    /// none, the kernel's own readahead].
    #[arg(long, short, value_name = "POLICY[:NAME=VALUE,...]")]
    pub policy: Option<String>,
    /// A folder (or a file) to be put onto the device, where the command finds it
    /// under the same path; may be repeated.
    #[arg(long, short, value_name = "DIR")]
    pub data: Vec<PathBuf>,
    /// The device's latency and bandwidth: nvme (0.1 ms, 2 GB/s), cloud (1 ms,
    /// 200 MB/s) or disk (5 ms, 150 MB/s).
    #[arg(long, value_name = "PROFILE", default_value = "disk", value_parser = parse::<DeviceProfile>)]
    pub device: DeviceProfile,
    /// What the data lie on: ext4, xfs, btrfs or overlay.
    #[arg(long, value_name = "FS", default_value = "ext4", value_parser = parse::<Fs>)]
    pub fs: Fs,
    /// Room on the device, such as 2G [default: the data and a quarter].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Option<u64>,
    /// Memory of the microVM, such as 4G; the device lies in it [default: enough
    /// for the device, to cache all data, and 1G].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Memory of the command with what it has cached, such as 256M (memory.max of
    /// its cgroup), at least 256K [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub limit: Option<u64>,
    /// Read ahead so many KiB at most, as /sys/class/bdi has it, instead of the
    /// kernel's default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    pub read_ahead_kb: Option<u32>,
    /// Do not drop the caches after the data were copied.
    #[arg(long)]
    pub warm: bool,
    /// A shell command that runs before, unmeasured, such as one that makes data or
    /// starts a server; may be repeated. A folder of --data need not be there then.
    #[arg(long, value_name = "COMMAND")]
    pub before: Vec<String>,
    /// A variable of the environment, beside those of here; may be repeated.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = key_value)]
    pub env: Vec<(String, String)>,
    /// Kill the command after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Run it twice, first with the kernel's own readahead as it is, each time on data as
    /// they are here. The output is that of the second time.
    #[arg(long)]
    pub compare: bool,
    #[command(flatten)]
    pub kernel: KernelArgs,
    /// Write the summary as JSON to this file, too ("-": to standard error, instead).
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
