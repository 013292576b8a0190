// SPDX-License-Identifier: GPL-2.0-only
//! PostgreSQL: a server of its own for each run, and queries that are timed by
//! psql once the server has read what it needs to know of the table.

use crate::experiment::{CUT_BLIND, Outcome};
use crate::software::catalogue::Entry;
use crate::software::guest::{Guest, program, shell};
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};
use raext_model::User;

const SOFTWARE: Software =
    Software { name: "postgresql", packages: &["postgresql-15", "util-linux"] };
/// The user of the server, which refuses root.
const POSTGRES: User = User { uid: 101, gid: 101 };
/// Rows of the table; a thousand bytes each, seven to a page.
const ROWS_OF_TABLE: u64 = 70_000;
/// The signal for the server to end its sessions and itself.
const FAST_SHUTDOWN: i32 = 2;

static DATA: DataSet = DataSet {
    name: "postgresql",
    software: SOFTWARE,
    mib: 224,
    script: "mkdir -m 700 pg; chown 101:101 pg\n\
        as() { setpriv --reuid=101 --regid=101 --clear-groups \"$@\"; }\n\
        as initdb -D pg -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >&2\n\
        cat >> pg/postgresql.conf <<END\n\
        listen_addresses = ''\n\
        unix_socket_directories = '/tmp'\n\
        shared_buffers = 2MB\n\
        autovacuum = off\n\
        jit = off\n\
        fsync = off\n\
        max_parallel_workers_per_gather = 0\n\
        synchronize_seqscans = off\n\
        wal_level = minimal\n\
        max_wal_senders = 0\n\
        min_wal_size = 32MB\n\
        max_wal_size = 32MB\n\
        checkpoint_timeout = 1h\n\
        END\n\
        as pg_ctl -D pg -w -s -l /tmp/log start >&2\n\
        psql -h /tmp -U postgres -X -v ON_ERROR_STOP=1 >&2 <<END\n\
        CREATE TABLE t(id int, k int, pad text) WITH (autovacuum_enabled = off);\n\
        ALTER TABLE t ALTER pad SET STORAGE PLAIN;\n\
        INSERT INTO t SELECT i, i::bigint * 7919 % 75011, repeat('x', 1000)\n\
        FROM generate_series(1, 70000) i;\n\
        CREATE INDEX t_k ON t(k);\n\
        VACUUM (FREEZE, ANALYZE) t;\n\
        CHECKPOINT;\n\
        END\n\
        as pg_ctl -D pg -w -s -m fast stop >&2\n",
};

/// Every row.
pub(crate) static ROWS: [Entry; 3] = [
    Entry {
        name: "postgres-scan",
        about: "PostgreSQL, a table read from start to end",
        data: &DATA,
        version: 2,
        run: &|guest| measured(guest, &[Query::Scan]),
    },
    Entry {
        name: "postgres-index",
        about: "PostgreSQL, rows in the order of an index, which is random on the table",
        data: &DATA,
        version: 2,
        run: &|guest| measured(guest, &[Query::Index]),
    },
    Entry {
        name: "postgres-both",
        about: "PostgreSQL, a scan of a table beside rows of it by an index",
        data: &DATA,
        version: 2,
        run: &|guest| measured(guest, &[Query::Scan, Query::Index]),
    },
];

/// The queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    Scan,
    Index,
}

impl Query {
    const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Index => "index",
        }
    }

    /// The query, how many rows it reads, and the right answer.
    fn of(self, guest: &Guest<'_>) -> (String, u64, String) {
        let ids = 1..=ROWS_OF_TABLE;
        match self {
            Self::Scan => {
                let sum: u64 = ids.map(key).sum();
                let query = "SELECT count(*), sum(k) FROM t".to_owned();
                (query, ROWS_OF_TABLE, format!("{ROWS_OF_TABLE}|{sum}"))
            }
            Self::Index => {
                let below = guest.sized(400, 1500, 4000);
                let ids: Vec<u64> = ids.filter(|id| key(*id) < below).collect();
                let (count, sum) = (ids.len() as u64, ids.iter().sum::<u64>());
                let query = format!("SELECT count(*), sum(id) FROM t WHERE k < {below}");
                (query, count, format!("{count}|{sum}"))
            }
        }
    }

    /// Ways for the planner to do something else.
    const fn off(self) -> &'static [&'static str] {
        match self {
            Self::Scan => &["enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"],
            Self::Index => &["enable_seqscan", "enable_bitmapscan"],
        }
    }

    /// A session: it learns of the table, waits until so many seconds after the moment
    /// `$at`, and asks, for so many milliseconds at most (0 for as long as it takes).
    fn session(self, query: &str, after_s: u32, stop_ms: u64) -> String {
        let off: String = self.off().iter().map(|way| format!(" -c 'SET {way} = off'")).collect();
        format!(
            "psql -h /tmp -U postgres -X -q -A -t -v ON_ERROR_STOP=1{off} -c 'EXPLAIN {query}' \
             -c \"SELECT pg_sleep(greatest(0, $at + {after_s} \
                 - extract(epoch FROM clock_timestamp())))\" \
             -c 'SET statement_timeout = {stop_ms}' -c '\\timing on' -c '{query}' \
             > /tmp/{name}.out 2> /tmp/{name}.err",
            name = self.name()
        )
    }
}

/// The `k` that the recipe gave a row.
fn key(id: u64) -> u64 {
    id * 7919 % 75_011
}

fn measured(guest: &mut Guest<'_>, queries: &[Query]) -> Result<Outcome, SoftwareError> {
    guest.drop_caches()?;
    let mut server = program(["postgres", "-D", "/data/pg"]);
    server.user = POSTGRES;
    let server = guest.start(server)?;
    let outcome = asked(guest, queries);
    let ended = guest.end(server, FAST_SHUTDOWN);
    let outcome = outcome?;
    ended?;
    Ok(outcome)
}

fn asked(guest: &mut Guest<'_>, queries: &[Query]) -> Result<Outcome, SoftwareError> {
    const READY: &str =
        "for try in {1..600}; do pg_isready -q -h /tmp && exit; sleep 0.1; done; exit 1";
    guest.run(shell(READY))?;
    let stop_ms = guest.stop_ms.unwrap_or(0);
    let asked: Vec<_> = queries.iter().map(|query| (*query, query.of(guest))).collect();
    // Until then all sessions are ready; one alone need not wait for others.
    let after_s = if queries.len() > 1 { 1 } else { 0 };
    let mut script = "at=$EPOCHREALTIME\n".to_owned();
    for (query, (text, ..)) in &asked {
        script += &format!("{} & pids+=($!)\n", query.session(text, after_s, stop_ms));
    }
    script += "for pid in \"${pids[@]}\"; do wait $pid || true; done\n";
    for (query, _) in &asked {
        let name = query.name();
        script += &format!("echo \"== {name}\"; cat /tmp/{name}.out /tmp/{name}.err\n");
    }
    let ended = guest.run(shell(&format!("pids=()\n{script}")))?;
    let text = ended.text();
    let (mut parts, mut answers, mut is_cut) = (Vec::new(), Vec::new(), false);
    for (query, (_, rows, right)) in asked {
        let (ns, got) = answer(query.name(), &text)
            .ok_or_else(|| SoftwareError::output("psql", "answer with its time", &text))?;
        parts.push(part(query.name(), ns, rows));
        match got {
            None => is_cut = true,
            Some(got) if got == right => answers.push(right),
            Some(got) => {
                let got = got.to_owned();
                return Err(SoftwareError::Answer { what: "the query's result", got, right });
            }
        }
    }
    // PostgreSQL does not report the rows of a stopped query: at most all.
    let answer = if is_cut { CUT_BLIND.to_owned() } else { answers.join(" ") };
    Ok(outcome(&ended.ran, parts, answer))
}

/// The time and the answer of a query in what all sessions have printed; no answer
/// if it was stopped.
fn answer<'a>(name: &str, text: &'a str) -> Option<(u64, Option<&'a str>)> {
    const STOPPED: &str = "canceling statement due to statement timeout";
    let (_, own) = text.split_once(&format!("== {name}\n"))?;
    let own = own.split("\n== ").next()?;
    let lines: Vec<_> = own.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("Time: "))?;
    let answer = lines.get(at.checked_sub(1)?).copied().filter(|_| !own.contains(STOPPED));
    let ms: f64 = lines[at].strip_prefix("Time: ")?.split(' ').next()?.parse().ok()?;
    Some(((ms * 1e6) as u64, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_its_answer_and_its_time() {
        let text = "== scan\nAggregate  (cost=1)\n\n140000|123\nTime: 1234.567 ms (00:01.235)\n\
            == index\n  ->  Index Scan\n\n399|5\nTime: 2.000 ms\n";
        assert_eq!(answer("scan", text), Some((1_234_567_000, Some("140000|123"))));
        assert_eq!(answer("index", text), Some((2_000_000, Some("399|5"))));
        assert_eq!(answer("both", text), None);
        assert_eq!(answer("scan", "== scan\nERROR\n== index\n1|2\nTime: 2.0 ms\n"), None);
        let stopped = "== scan\nAggregate\n\nTime: 26000.500 ms (00:26.001)\n\
            ERROR:  canceling statement due to statement timeout\n== index\n399|5\nTime: 2.000 ms\n";
        assert_eq!(answer("scan", stopped), Some((26_000_500_000, None)));
        assert_eq!(answer("index", stopped), Some((2_000_000, Some("399|5"))));
    }

    #[test]
    fn keys_are_unique() {
        let mut keys: Vec<_> = (1..=ROWS_OF_TABLE).map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len() as u64, ROWS_OF_TABLE);
    }
}
