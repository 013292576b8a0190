// SPDX-License-Identifier: GPL-2.0-only
//! SQLite, by its own shell.

use crate::experiment::Outcome;
use crate::software::catalogue::Entry;
use crate::software::guest::{Guest, shell};
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};

const SOFTWARE: Software = Software { name: "sqlite", packages: &["sqlite3"] };
/// Rows of the table; a thousand bytes each.
const ROWS_OF_TABLE: u64 = 120_000;
/// The memory of point queries, bytes: a quarter of the data, so reading all of it is no
/// way out.
const QUARTER: u64 = 30 << 20;

static DATA: DataSet = DataSet {
    name: "sqlite",
    software: SOFTWARE,
    mib: 176,
    script: "sqlite3 data.db \"\n\
        PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;\n\
        CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, v TEXT);\n\
        WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 120000)\n\
        INSERT INTO t SELECT i, i * 7919 % 100003, substr(hex(zeroblob(495)), 1, 980) || i FROM n;\n\
        \" >&2\n",
};

/// Every row.
pub(crate) static ROWS: [Entry; 4] = [
    Entry {
        name: "sqlite-scan",
        about: "SQLite, a table read from start to end",
        data: &DATA,
        version: 1,
        run: &|guest| scan(guest, false),
    },
    Entry {
        name: "sqlite-scan-mmap",
        about: "SQLite, a table read from start to end in a mapping",
        data: &DATA,
        version: 1,
        run: &|guest| scan(guest, true),
    },
    Entry {
        name: "sqlite-points",
        about: "SQLite, rows at random, data four times the memory",
        data: &DATA,
        version: 1,
        run: &|guest| points(guest, false),
    },
    Entry {
        name: "sqlite-points-mmap",
        about: "SQLite, rows at random in a mapping, data four times the memory",
        data: &DATA,
        version: 1,
        run: &|guest| points(guest, true),
    },
];

fn scan(guest: &mut Guest<'_>, mmap: bool) -> Result<Outcome, SoftwareError> {
    let ids = guest.sized(60_000, ROWS_OF_TABLE, ROWS_OF_TABLE);
    let sum: u64 = (1..=ids).map(key).sum();
    let query = format!("SELECT count(*), sum(k), max(length(v) > 0) FROM t WHERE id <= {ids};");
    run(guest, mmap, None, &query, (&format!("{ids}|{sum}|1"), ids))
}

fn points(guest: &mut Guest<'_>, mmap: bool) -> Result<Outcome, SoftwareError> {
    let ops = guest.sized(400, 1500, 4000);
    let (mut at, mut sum) = (1, 0);
    for _ in 0..ops {
        sum += key(1 + at % ROWS_OF_TABLE);
        at = at * 48271 % 2_147_483_647;
    }
    let query = format!(
        "WITH RECURSIVE n(i, x) AS (VALUES(1, 1) UNION ALL \
         SELECT i + 1, x * 48271 % 2147483647 FROM n WHERE i < {ops}) \
         SELECT count(*), sum(k), max(length(v) > 0) FROM n \
         CROSS JOIN t ON t.id = 1 + x % {ROWS_OF_TABLE};"
    );
    run(guest, mmap, Some(QUARTER), &query, (&format!("{ops}|{sum}|1"), ops))
}

/// The `k` that the recipe gave a row.
fn key(id: u64) -> u64 {
    id * 7919 % 100_003
}

fn run(
    guest: &mut Guest<'_>,
    mmap: bool,
    memory: Option<u64>,
    query: &str,
    (right, ops): (&str, u64),
) -> Result<Outcome, SoftwareError> {
    let mapped = if mmap { 1_u64 << 30 } else { 0 };
    // sqlite3 does not time commands that are arguments.
    let script = format!(
        "sqlite3 -batch -readonly data.db <<END\n\
         PRAGMA mmap_size = {mapped};\n.timer on\n{query}\nEND\n"
    );
    let mut program = shell(&script);
    program.memory_max = memory.filter(|_| guest.cold);
    guest.drop_caches()?;
    let ended = guest.run(program)?;
    let text = ended.text();
    let ns =
        real(&text).ok_or_else(|| SoftwareError::output("sqlite3", "time of a query", &text))?;
    let got = text.lines().find(|line| line.matches('|').count() == 2).unwrap_or("nothing");
    if got != right {
        let (got, right) = (got.to_owned(), right.to_owned());
        return Err(SoftwareError::Answer { what: "the query's result", got, right });
    }
    Ok(outcome(&ended.ran, vec![part("query", ns, ops)], right.to_owned()))
}

/// `Run Time: real 0.123 user 0.1 sys 0.0`
fn real(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Run Time: real "))?;
    let seconds: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1e9) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_query_is_understood() {
        let text = "0\n120000|6000053056|1\nRun Time: real 0.137 user 0.1 sys 0.02\n";
        assert_eq!(real(text), Some(137_000_000));
        assert_eq!(real("Error: no such table: t\n"), None);
    }

    #[test]
    fn the_sum_of_all_rows_is_that_of_the_database() {
        assert_eq!((1..=ROWS_OF_TABLE).map(key).sum::<u64>(), 6_000_053_056);
    }
}
