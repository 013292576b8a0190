// SPDX-License-Identifier: GPL-2.0-only
//! RocksDB, by its own db_bench.

use crate::experiment::Outcome;
use crate::software::catalogue::Entry;
use crate::software::guest::{Guest, program};
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};
use std::fmt::Write as _;

const SOFTWARE: Software = Software { name: "rocksdb", packages: &["rocksdb-tools"] };
/// Keys of the database: 1016 bytes each with their value.
const KEYS: u64 = 200_000;
/// A quarter of the data.
const QUARTER: u64 = 50 << 20;

/// Written in order, without compression: four tables, one after the other.
static DATA: DataSet = DataSet {
    name: "rocksdb",
    software: SOFTWARE,
    mib: 288,
    script: "db_bench --db=/data --benchmarks=fillseq --num=200000 --value_size=1000 \
        --compression_type=none --disable_wal=1 --seed=1 >&2\n\
        rm -f LOG LOG.old.*\n\
        fact() { echo \"fact $1 $2\"; }\n\
        fact bytes $(cat *.sst | wc -c)\n",
};

/// A run of db_bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bench {
    ReadRandom,
    ReadSeq,
    ReadReverse,
    SeekRandom,
    MixGraph,
}

/// How it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Io {
    /// By `pread()`, with the advice that RocksDB gives by itself.
    Pread,
    /// Through mappings, with that advice.
    Mmap,
    /// Through mappings, without.
    NoAdvice,
}

macro_rules! row {
    ($name:literal, $about:literal, $bench:ident, $io:ident) => {
        row!(@ $name, $about, $bench, $io, None)
    };
    ($name:literal, $about:literal, $bench:ident, $io:ident, $memory:expr) => {
        row!(@ $name, $about, $bench, $io, Some($memory))
    };
    (@ $name:literal, $about:literal, $bench:ident, $io:ident, $memory:expr) => {
        Entry {
            name: $name,
            about: $about,
            data: &DATA,
            version: 1,
            run: &|guest| run(guest, Bench::$bench, Io::$io, $memory),
        }
    };
}

/// Every row.
pub(crate) static ROWS: [Entry; 14] = [
    row!("rocksdb-readrandom", "RocksDB, random lookups by pread()", ReadRandom, Pread),
    row!("rocksdb-readrandom-mmap", "RocksDB, random lookups in mappings", ReadRandom, Mmap),
    row!("rocksdb-readseq", "RocksDB, scan by pread()", ReadSeq, Pread),
    row!("rocksdb-readseq-mmap", "RocksDB, scan of mappings", ReadSeq, Mmap),
    row!("rocksdb-readreverse", "RocksDB, backward scan by pread()", ReadReverse, Pread),
    row!("rocksdb-readreverse-mmap", "RocksDB, backward scan of mappings", ReadReverse, Mmap),
    row!("rocksdb-seekrandom", "RocksDB, short scans by pread()", SeekRandom, Pread),
    row!("rocksdb-seekrandom-mmap", "RocksDB, short scans of mappings", SeekRandom, Mmap),
    row!("rocksdb-mixgraph", "RocksDB, a social graph's lookups by pread()", MixGraph, Pread),
    row!("rocksdb-mixgraph-mmap", "RocksDB, a social graph's lookups in mappings", MixGraph, Mmap),
    row!(
        "rocksdb-readrandom-tight",
        "RocksDB, random lookups by pread(), data four times the memory",
        ReadRandom,
        Pread,
        QUARTER
    ),
    row!(
        "rocksdb-readrandom-noadvice",
        "RocksDB, random lookups in mappings without advice, data four times the memory",
        ReadRandom,
        NoAdvice,
        QUARTER
    ),
    row!(
        "rocksdb-readreverse-tight",
        "RocksDB, backward scan by pread(), data four times the memory",
        ReadReverse,
        Pread,
        QUARTER
    ),
    row!(
        "rocksdb-readreverse-noadvice",
        "RocksDB, backward scan of mappings without advice, data four times the memory",
        ReadReverse,
        NoAdvice,
        QUARTER
    ),
];

impl Bench {
    const fn name(self) -> &'static str {
        match self {
            Self::ReadRandom => "readrandom",
            Self::ReadSeq => "readseq",
            Self::ReadReverse => "readreverse",
            Self::SeekRandom => "seekrandom",
            Self::MixGraph => "mixgraph",
        }
    }

    /// How many operations.
    fn ops(self, guest: &Guest<'_>) -> u64 {
        match self {
            Self::ReadRandom => guest.sized(300, 1500, 3000),
            Self::ReadSeq => guest.sized(2500, 25_000, 100_000),
            Self::ReadReverse => guest.sized(1500, 8000, 30_000),
            Self::SeekRandom => guest.sized(80, 600, 1200),
            Self::MixGraph => guest.sized(300, 1200, 2400),
        }
    }

    const fn more(self) -> &'static [&'static str] {
        match self {
            Self::SeekRandom => &["--seek_nexts=20"],
            // The figures that the paper on Facebook's workloads gives for it,
            // without its writes and its pauses.
            Self::MixGraph => &[
                "--key_dist_a=0.002312",
                "--key_dist_b=0.3467",
                "--keyrange_num=30",
                "--keyrange_dist_a=14.18",
                "--keyrange_dist_b=-2.917",
                "--keyrange_dist_c=0.0164",
                "--keyrange_dist_d=-0.08082",
                "--value_k=0.2615",
                "--value_sigma=25.45",
                "--iter_k=2.517",
                "--iter_sigma=14.236",
                "--mix_get_ratio=0.85",
                "--mix_put_ratio=0",
                "--mix_seek_ratio=0.15",
                "--mix_max_scan_len=100",
            ],
            _ => &[],
        }
    }
}

fn run(
    guest: &mut Guest<'_>,
    bench: Bench,
    io: Io,
    memory: Option<u64>,
) -> Result<Outcome, SoftwareError> {
    let ops = match (bench, io) {
        // The kernel reads around a fault, backward too: much is had for one.
        (Bench::ReadReverse, Io::NoAdvice) => guest.sized(15_000, 30_000, 60_000),
        _ => bench.ops(guest),
    };
    let mut argv: Vec<String> = [
        "db_bench",
        "--db=/data",
        "--use_existing_db=1",
        "--readonly=1",
        "--value_size=1000",
        "--compression_type=none",
        "--seed=1",
        "--threads=1",
        // The kernel's cache and the device are measured, not the cache of RocksDB.
        "--cache_size=1048576",
        "--verify_checksum=0",
    ]
    .map(str::to_owned)
    .to_vec();
    argv.extend([
        format!("--benchmarks={}", bench.name()),
        format!("--num={KEYS}"),
        format!("--reads={ops}"),
        format!("--mmap_read={}", u8::from(io != Io::Pread)),
        format!("--advise_random_on_open={}", u8::from(io != Io::NoAdvice)),
    ]);
    argv.extend(bench.more().iter().map(|&option| option.to_owned()));
    let mut program = program(argv);
    // All of it fits in memory when the fully cached time is wanted.
    program.memory_max = memory.filter(|_| guest.cold);
    guest.drop_caches()?;
    let ended = guest.run(program)?;
    let text = ended.text();
    let figure = figure(bench.name(), &text)
        .ok_or_else(|| SoftwareError::output("db_bench", "figure", &text))?;
    let mut answer = format!("{} operations", figure.ops);
    let right = |what, got: u64, right: u64| {
        if got == right {
            return Ok(());
        }
        Err(SoftwareError::Answer { what, got: got.to_string(), right: right.to_string() })
    };
    right("the number of operations", figure.ops, ops)?;
    if bench == Bench::ReadRandom || bench == Bench::SeekRandom {
        right("the number of keys found", figure.found.unwrap_or(0), ops)?;
    }
    if let Some(found) = figure.found {
        let _ = write!(answer, ", {found} found");
    }
    Ok(outcome(&ended.ran, vec![part("reads", figure.ns, ops)], answer))
}

/// The last lines of db_bench.
#[derive(Debug, PartialEq, Eq)]
struct Figure {
    ns: u64,
    ops: u64,
    found: Option<u64>,
}

/// `readrandom : 2.860 micros/op 348007 ops/sec 0.006 seconds 2000 operations; 337.2 MB/s (2000 of 2000 found)`
fn figure(bench: &str, text: &str) -> Option<Figure> {
    let words = text.lines().find_map(|line| {
        let (name, rest) = line.split_once(':')?;
        (name.trim() == bench && rest.contains("micros/op")).then_some(rest)
    })?;
    let words: Vec<_> = words.split_whitespace().collect();
    let before = |unit: &str| {
        let at = words.iter().position(|word| *word == unit)?;
        words.get(at.checked_sub(1)?).copied()
    };
    let micros: f64 = before("micros/op")?.parse().ok()?;
    let ops: u64 = before("operations;")?.parse().ok()?;
    // "(N of M found)", or "reads N in M found" of mixgraph.
    let found = before("of").or_else(|| before("in"));
    let found = found.and_then(|word| word.trim_start_matches('(').parse().ok());
    Some(Figure { ns: (micros * 1000.0 * ops as f64) as u64, ops, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn db_bench_is_understood() {
        let text = "DB path: [/data]\nreadrandom   :       2.860 micros/op 348007 ops/sec \
            0.006 seconds 2000 operations;  337.2 MB/s (1999 of 2000 found)\n";
        assert_eq!(
            figure("readrandom", text),
            Some(Figure { ns: 5_720_000, ops: 2000, found: Some(1999) })
        );
        let text = "readseq      :       0.403 micros/op 2478744 ops/sec 0.040 seconds \
            100000 operations; 2401.7 MB/s\n";
        assert_eq!(
            figure("readseq", text),
            Some(Figure { ns: 40_300_000, ops: 100_000, found: None })
        );
        let text = "mixgraph     :      16.312 micros/op 61180 ops/sec 0.033 seconds 2000 operations; \
            1937.0 MB/s ( Gets:1697 Puts:0 Seek:303, reads 1022 in 2000 found, avg size: -nan value, 212.9 scan)\n";
        assert_eq!(figure("mixgraph", text).unwrap().found, Some(1022));
        assert_eq!(figure("readseq", text), None);
        assert_eq!(figure("readrandom", "readrandom : nonsense micros/op\n"), None);
    }
}
