// SPDX-License-Identifier: GPL-2.0-only
//! The flags of the commands that measure: compare, bench, cost, record; and of train.

use super::{KernelArgs, parse};
use clap::Args;
use raext_model::{DeviceProfile, Fs, Workload};
use std::path::PathBuf;

/// `raext compare`
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A policy, with tunables after a colon: wide:limit_kb=8192. May be repeated
    /// [default: auto, wide and lean].
    #[arg(long = "policy", short, value_name = "POLICY[:NAME=VALUE,...]")]
    pub policies: Vec<String>,
    /// A workload. May be repeated [default: the first seven].
    #[arg(long = "workload", short, value_name = "WORKLOAD", value_parser = parse::<Workload>,
          long_help = workloads_help())]
    pub workloads: Vec<Workload>,
    /// The device's latency and bandwidth: nvme (0.1 ms, 2 GB/s), cloud (1 ms,
    /// 200 MB/s) or disk (5 ms, 150 MB/s).
    #[arg(long, value_name = "PROFILE", default_value = "disk", value_parser = parse::<DeviceProfile>)]
    pub device: DeviceProfile,
    /// The file system of the data: ext4, xfs, btrfs, overlay (the lower layer of one,
    /// on ext4) or raw (the block device itself).
    #[arg(long, value_name = "FS", default_value = "ext4", value_parser = parse::<Fs>)]
    pub fs: Fs,
    /// Number of runs of each pair.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    #[command(flatten)]
    pub kernel: KernelArgs,
    /// Write the measurements as JSON to this file ("-": print them instead of the
    /// table).
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// Write a page with charts to this file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `raext bench`
///
/// Each row is a workload on a device with a file system. The measurements are kept
/// in DIR/store.jsonl, one line for each run. The same command continues after an
/// interruption. DIR also gets table.txt, results.json and index.html.
///
/// Exit status: 1 if a cell failed or has a wrong answer, 130 if interrupted.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct BenchArgs {
    /// A policy, with tunables after a colon: wide:limit_kb=8192. May be repeated
    /// [default: auto, tree, wide and lean].
    #[arg(long = "policy", short, value_name = "POLICY[:NAME=VALUE,...]")]
    pub policies: Vec<String>,
    /// A row, by its name or as NAME@DEVICE/FS. May be repeated [default: all]. A
    /// complete row is measured again.
    #[arg(long = "row", short, value_name = "ROW")]
    pub rows: Vec<String>,
    /// A device. May be repeated [default: disk].
    #[arg(long = "device", value_name = "PROFILE", value_parser = parse::<DeviceProfile>)]
    pub devices: Vec<DeviceProfile>,
    /// A file system. May be repeated [default: ext4].
    #[arg(long = "fs", value_name = "FS", value_parser = parse::<Fs>)]
    pub fs: Vec<Fs>,
    /// Measure every device, on ext4, xfs and btrfs. This takes hours.
    #[arg(long, conflicts_with_all = ["devices", "fs"])]
    pub all: bool,
    /// Number of runs of each cell [default: 3].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: Option<u32>,
    /// Run each cell once. Differences below a factor of two are not shown.
    #[arg(long, conflicts_with = "repeat")]
    pub quick: bool,
    /// Do not count the instructions of the policies' decisions. With --row they are
    /// never counted.
    #[arg(long)]
    pub no_cost: bool,
    /// Show the rows, the columns, the number of runs and the time that they may take.
    /// Measure nothing.
    #[arg(long)]
    pub list: bool,
    /// Show the stored measurements, and write table and page again. Measure nothing.
    #[arg(long, conflicts_with_all = ["list", "fresh", "rows"])]
    pub show: bool,
    /// With --show, also write a picture of ten rows to this file.
    #[arg(long, value_name = "FILE", requires = "show")]
    pub svg: Option<PathBuf>,
    /// The folder of the measurements [default: build/bench].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Delete the stored measurements first.
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub kernel: KernelArgs,
}

/// `raext record`
///
/// Each workload runs under `noop`, from a cold cache, in rounds of different sizes and
/// seeds. The file is JSON, one value a line. docs/learned.md has its format.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RecordArgs {
    /// Write the recording to this file.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// A workload. May be repeated [default: seq-read, random-read, mmap-seq and
    /// mmap-random].
    #[arg(long = "workload", short, value_name = "WORKLOAD", value_parser = parse::<Workload>,
          long_help = workloads_help())]
    pub workloads: Vec<Workload>,
    /// Number of runs of each workload. The last round is not used for training: it
    /// tests the tree.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=100))]
    pub rounds: u32,
    /// Seed of the first round's random offsets.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub seed: u64,
    /// The device's latency and bandwidth: nvme, cloud or disk.
    #[arg(long, value_name = "PROFILE", default_value = "cloud", value_parser = parse::<DeviceProfile>)]
    pub device: DeviceProfile,
    /// The file system of the data: ext4, xfs, btrfs, overlay or raw.
    #[arg(long, value_name = "FS", default_value = "ext4", value_parser = parse::<Fs>)]
    pub fs: Fs,
    #[command(flatten)]
    pub kernel: KernelArgs,
}

/// `raext train`
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// A file that `raext record` wrote.
    pub recording: PathBuf,
    /// Write the tree to this file [default: policies/tree/src/tree.rs of the checkout].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `raext cost`
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// The policy.
    #[arg(default_value = "noop")]
    pub policy: String,
    /// Interleaved pairs of measurements, without and with the policy
    /// [default: 7; 40 of time].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub pairs: Option<u32>,
    /// Measure wall time instead of counting instructions.
    #[arg(long)]
    pub time: bool,
    #[command(flatten)]
    pub kernel: KernelArgs,
}

fn workloads_help() -> String {
    let mut help = String::from("A workload. May be repeated [default: the first seven]:\n");
    for w in Workload::every() {
        help.push_str(&format!("  {:15} {}\n", w.name(), w.describe()));
    }
    help
}
