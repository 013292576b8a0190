// SPDX-License-Identifier: GPL-2.0-only
//! fio's standard patterns. An option keeps fio from advising the kernel, and fio checks
//! every block that it reads.

use crate::experiment::Outcome;
use crate::software::catalogue::Entry;
use crate::software::guest::{Guest, program};
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};
use serde_json::Value;

const SOFTWARE: Software = Software { name: "fio", packages: &["fio"] };

static DATA: DataSet = DataSet {
    name: "fio",
    software: SOFTWARE,
    mib: 176,
    script: "fio --name=job --filename=data --thread --verify=crc32c --verify_interval=4096 \
        --fallocate=none --randseed=7 --rw=write --bs=64k --size=128m --do_verify=0 >&2\n",
};

/// The memory of random reads, bytes: a quarter of the data, so reading all of it is no
/// way out.
const QUARTER: u64 = 32 << 20;

/// A pattern.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    rw: &'static str,
    mapped: bool,
    block_kib: u64,
    /// How many blocks on a disk; more on what is faster.
    blocks: u64,
    /// How many blocks the file has for it at most.
    most: u64,
}

const SEQUENTIAL: Pattern =
    Pattern { rw: "read", mapped: false, block_kib: 64, blocks: 1024, most: 2048 };
const RANDOM: Pattern =
    Pattern { rw: "randread", mapped: false, block_kib: 4, blocks: 400, most: 4000 };
const STRIDE: Pattern =
    Pattern { rw: "read:240k", mapped: false, block_kib: 16, blocks: 300, most: 500 };
const BACKWARD: Pattern =
    Pattern { rw: "read:-32k", mapped: false, block_kib: 16, blocks: 400, most: 8000 };
const SEQUENTIAL_MAP: Pattern =
    Pattern { rw: "read", mapped: true, block_kib: 4, blocks: 6000, most: 32_000 };
const RANDOM_MAP: Pattern =
    Pattern { rw: "randread", mapped: true, block_kib: 4, blocks: 400, most: 4000 };

macro_rules! row {
    ($name:literal, $about:literal, $pattern:expr) => {
        Entry {
            name: $name,
            about: $about,
            data: &DATA,
            version: 1,
            run: &|guest| run(guest, $pattern),
        }
    };
}

/// Every row.
pub(crate) static ROWS: [Entry; 6] = [
    row!("fio-read", "fio, read from start to end", SEQUENTIAL),
    row!("fio-randread", "fio, random blocks, data four times the memory", RANDOM),
    row!("fio-stride", "fio, a block of 16 KiB every 256 KiB", STRIDE),
    row!("fio-backward", "fio, from end to start", BACKWARD),
    row!("fio-mmap-read", "fio, a mapping from start to end", SEQUENTIAL_MAP),
    row!(
        "fio-mmap-randread",
        "fio, random blocks of a mapping, data four times the memory",
        RANDOM_MAP
    ),
];

fn run(guest: &mut Guest<'_>, pattern: Pattern) -> Result<Outcome, SoftwareError> {
    let Pattern { rw, mapped, block_kib, blocks, most } = pattern;
    let blocks = guest.sized(blocks, 3 * blocks, 10 * blocks).min(most);
    let argv = [
        "fio".into(),
        "--name=job".into(),
        "--filename=data".into(),
        "--size=128m".into(),
        "--thread".into(),
        "--readonly".into(),
        "--verify=crc32c".into(),
        "--verify_interval=4096".into(),
        "--verify_fatal=1".into(),
        "--fadvise_hint=0".into(),
        // The cache is dropped already, or is to be left alone.
        "--invalidate=0".into(),
        "--randseed=7".into(),
        "--output-format=json".into(),
        format!("--rw={rw}"),
        format!("--ioengine={}", if mapped { "mmap" } else { "psync" }),
        format!("--bs={block_kib}k"),
        format!("--io_size={}k", block_kib * blocks),
    ];
    let mut program = program(argv);
    program.memory_max = (guest.cold && rw == "randread").then_some(QUARTER);
    guest.drop_caches()?;
    let ended = guest.run(program)?;
    let text = ended.text();
    let (ns, bytes) = figure(&text).ok_or_else(|| SoftwareError::output("fio", "figure", &text))?;
    let right = (block_kib * blocks) << 10;
    if bytes != right {
        let (got, right) = (bytes.to_string(), right.to_string());
        return Err(SoftwareError::Answer { what: "the number of bytes", got, right });
    }
    Ok(outcome(&ended.ran, vec![part("reads", ns, blocks)], format!("{bytes} bytes, verified")))
}

/// Time and bytes of the one job.
fn figure(text: &str) -> Option<(u64, u64)> {
    // Notes may come before.
    let json: Value = serde_json::from_str(text.get(text.find('{')?..)?).ok()?;
    let job = json.get("jobs")?.get(0)?;
    if job.get("error")?.as_u64()? != 0 {
        return None;
    }
    let read = job.get("read")?;
    let ns = read.get("runtime")?.as_u64()?.max(1) * 1_000_000;
    Some((ns, read.get("io_bytes")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_understood() {
        let text = r#"note: x
            {"jobs": [{"error": 0, "read": {"io_bytes": 8192, "runtime": 12, "total_ios": 2}}]}"#;
        assert_eq!(figure(text), Some((12_000_000, 8192)));
        assert_eq!(figure(&text.replace("\"error\": 0", "\"error\": 84")), None);
        assert_eq!(figure("fio: broken"), None);
    }
}
