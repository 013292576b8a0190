// SPDX-License-Identifier: GPL-2.0-only
//! A backup by tar beside random readers.

use crate::experiment::{CUT, Outcome};
use crate::software::catalogue::Entry;
use crate::software::dataset::AGENT;
use crate::software::guest::{Guest, program};
use crate::software::line::Line;
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};

const SOFTWARE: Software = Software { name: "tar", packages: &["tar"] };
/// Threads that read at random.
const READERS: &str = "4";
/// Of both together, bytes: half of the readers' file.
const MEMORY: u64 = 64 << 20;
/// The source of the readers' file.
const SEED: &str = "7";

/// The data that is backed up, and the file that is read meanwhile.
static DATA: DataSet = DataSet {
    name: "backup",
    software: SOFTWARE,
    mib: 272,
    script: "mkdir backup\n\
        for n in 1 2 3 4 5 6 7 8; do raext-agent tool fill backup/$n 12 10$n >&2; done\n\
        raext-agent tool fill table 128 7 >&2\n\
        for n in 1 2 3 4 5 6 7 8; do echo \"fact file$n $(cksum < backup/$n)\"; done\n\
        echo \"fact archive $(tar -cf - --sort=name backup | wc -c)\"\n",
};

/// Every row.
pub(crate) static ROWS: [Entry; 2] = [
    Entry {
        name: "tar-beside-reads",
        about: "a backup by tar beside 4 random readers that use pread()",
        data: &DATA,
        version: 2,
        run: &|guest| run(guest, "read"),
    },
    Entry {
        name: "tar-beside-faults",
        about: "a backup by tar beside 4 random readers that use a mapping",
        data: &DATA,
        version: 2,
        run: &|guest| run(guest, "map"),
    },
];

fn run(guest: &mut Guest<'_>, how: &str) -> Result<Outcome, SoftwareError> {
    let reads = guest.sized(1600, 6000, 12_000).to_string();
    let limit = guest.stop_ms.unwrap_or(0).to_string();
    let beside = [AGENT, "tool", "beside", how, READERS, &reads, "table", SEED, &limit];
    let count = guest.sized(4, 8, 8);
    let files: Vec<_> = (1..=count).map(|n| format!("backup/{n}")).collect();
    let tar = ["tar", "-cf", "-"].into_iter().chain(files.iter().map(String::as_str));
    let mut program = program(beside.into_iter().chain(tar));
    // So that what is read once does not stay: a table is larger than memory.
    program.memory_max = guest.cold.then_some(MEMORY);
    guest.drop_caches()?;
    let ended = guest.run(program)?;
    let text = ended.text();
    let line = Line::last("the readers", &text);
    let (bytes, right) = (line.number("bytes")?, archive(count));
    let is_cut = line.number("stopped")? != 0;
    if !is_cut && bytes != right {
        let (got, right) = (bytes.to_string(), right.to_string());
        return Err(SoftwareError::Answer { what: "the archive's length", got, right });
    }
    let tar = part("tar", line.number("program")?, (bytes >> 12).max(1));
    let readers = part("readers", line.number("readers")?, line.number("reads")?.max(1));
    let whole = format!("archive {bytes} {}", line.text("sum")?);
    let answer = if is_cut { CUT.to_owned() } else { whole };
    Ok(outcome(&ended.ran, vec![tar, readers], answer))
}

/// The length of an archive of so many files: each has a block of 512 bytes before
/// it, two end it, and it is filled up to whole records of 20 blocks.
const fn archive(files: u64) -> u64 {
    const BLOCK: u64 = 512;
    let blocks = files * (1 + (12 << 20) / BLOCK) + 2;
    blocks.next_multiple_of(20) * BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_as_long_as_tar_makes_it() {
        // `for n in 1 2 3 4; do truncate -s 12M $n; done; tar -cf - 1 2 3 4 | wc -c`
        assert_eq!(archive(4), 50_339_840);
    }
}
