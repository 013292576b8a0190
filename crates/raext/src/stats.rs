// SPDX-License-Identifier: GPL-2.0-only
//! `raext stats`: the counters of the attached policies, event by event.

use crate::args::StatsArgs;
use crate::exit::Result;
use raext_bpf::load::{Counters, DROPPED};
use raext_model::{Error, IoExt as _};
use std::collections::HashMap;
use std::fs;
use std::io::{IsTerminal as _, Write as _, stdout};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// The module's parameter that turns the timing of callbacks on.
const TIMING: &str = "/sys/module/readahead_ext/parameters/timing";

/// The columns of the table, with their counters.
const COLUMNS: [(&str, &[&str]); 10] = [
    ("kept", &["kept"]),
    ("limited", &["limited"]),
    ("changed", &["changed"]),
    ("taken", &["taken"]),
    ("clamped", &["clamped"]),
    ("ranges", &["ranges"]),
    ("pages", &["pages"]),
    ("read", &["submitted"]),
    ("cached", &["cached"]),
    ("dropped", &DROPPED),
];

/// Show the counters, once or again and again.
pub(crate) fn run(args: &StatsArgs) -> Result<()> {
    if let Some(timing) = &args.timing {
        let word = if timing == "on" { "Y" } else { "N" };
        fs::write(TIMING, word).map_err(|error| {
            Error::environment(format!("{TIMING}: {error}: is the module loaded, are you root?"))
        })?;
    }
    let mut before = HashMap::new();
    for round in 0_u64.. {
        let counters = raext_bpf::load::counters().ok_or_else(|| {
            Error::environment(
                "the counters cannot be read (/sys/kernel/debug/readahead_ext): is the module \
                 loaded, debugfs mounted, and are you root?",
            )
        })?;
        if args.json {
            println!("{}", serde_json::to_string(&counters).ours("writing", Path::new("JSON"))?);
        } else {
            if args.watch.is_some() && stdout().is_terminal() {
                // To the top left, and everything below erased.
                print!("\x1b[H\x1b[J");
            }
            print!("{}", table(&counters, &before));
        }
        stdout().flush().given("writing", Path::new("standard output"))?;
        let Some(seconds) = args.watch else { break };
        if args.count.is_some_and(|count| round + 1 >= count) {
            break;
        }
        before = counters.into_iter().map(|row| ((row.link, row.event.clone()), row)).collect();
        sleep(Duration::from_secs(seconds));
    }
    Ok(())
}

/// The counters, or their growth since an earlier round.
fn table(counters: &[Counters], before: &HashMap<(u32, String), Counters>) -> String {
    if counters.is_empty() {
        return "no policy is attached\n".into();
    }
    let mut out = format!("{:<16} {:>5} {:<6} {:>10}", "POLICY", "LINK", "EVENT", "DECISIONS");
    for (name, _) in COLUMNS {
        out += &format!(" {:>9}", name.to_uppercase());
    }
    out += &format!(" {:>10}\n", "NS/ASKED");
    for row in counters {
        let earlier = before.get(&(row.link, row.event.clone()));
        let since = |name: &str| {
            let of = |row: &Counters| row.counts.get(name).copied().unwrap_or(0);
            of(row).saturating_sub(earlier.map_or(0, of))
        };
        let decisions = row.decisions().saturating_sub(earlier.map_or(0, Counters::decisions));
        out += &format!("{:<16} {:>5} {:<6} {decisions:>10}", row.policy, row.link, row.event);
        for (_, names) in COLUMNS {
            out += &format!(" {:>9}", names.iter().map(|name| since(name)).sum::<u64>());
        }
        let time = match since("ns") {
            0 => "-".into(),
            ns => (ns / decisions.max(1)).to_string(),
        };
        out += &format!(" {time:>10}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kept: u64, eof: u64, busy: u64, ns: u64) -> Counters {
        let counts = [("kept", kept), ("dropped_eof", eof), ("dropped_busy", busy), ("ns", ns)];
        Counters {
            link: 3,
            policy: "wide".into(),
            event: "miss".into(),
            counts: counts.map(|(name, n)| (name.to_owned(), n)).into(),
        }
    }

    #[test]
    fn what_was_dropped_is_one_column_and_time_is_per_decision() {
        let out = table(&[row(10, 2, 3, 500)], &HashMap::new());
        let line: Vec<_> = out.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(line[..5], ["wide", "3", "miss", "10", "10"]);
        assert_eq!(line[line.len() - 2..], ["5", "50"]);
    }

    #[test]
    fn a_watch_shows_what_was_added() {
        let before = HashMap::from([((3, "miss".to_owned()), row(10, 2, 3, 0))]);
        let out = table(&[row(25, 2, 4, 0)], &before);
        let line: Vec<_> = out.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(line[3], "15");
        assert_eq!(line[line.len() - 2..], ["1", "-"]);
    }
}
