// SPDX-License-Identifier: GPL-2.0-only
//! ripgrep over the sources of a compiler.

use crate::experiment::Outcome;
use crate::software::catalogue::Entry;
use crate::software::guest::{Guest, program};
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};
use raext_model::DeviceProfile;

const SOFTWARE: Software = Software { name: "ripgrep", packages: &["ripgrep", "golang-1.19-src"] };
const PATTERN: &str = r"func \(.*\) String";

/// The sources of Go. grep gives the right answers.
static DATA: DataSet = DataSet {
    name: "sources",
    software: SOFTWARE,
    mib: 208,
    script: "cp -r /usr/share/go-1.19/src/. .\n\
        matches() { grep -rEh 'func \\(.*\\) String' \"$@\" | wc -l; }\n\
        echo \"fact some $(matches cmd/compile runtime)\"\n\
        echo \"fact all $(matches .)\"\n",
};

/// Every row.
pub(crate) static ROWS: [Entry; 1] = [Entry {
    name: "ripgrep",
    about: "ripgrep with 4 threads over the sources of a compiler",
    data: &DATA,
    version: 1,
    run: &run,
}];

fn run(guest: &mut Guest<'_>) -> Result<Outcome, SoftwareError> {
    let (fact, places): (_, &[&str]) = match guest.profile {
        DeviceProfile::Disk => ("some", &["cmd/compile", "runtime"]),
        _ => ("all", &["."]),
    };
    let options =
        ["rg", "--no-config", "--no-ignore", "--hidden", "-j", "4", "--count", "--stats", PATTERN];
    guest.drop_caches()?;
    let ended = guest.run(program(options.iter().chain(places).copied()))?;
    let text = ended.text();
    let figure = figure(&text).ok_or_else(|| SoftwareError::output("rg", "statistics", &text))?;
    let right = guest.fact(fact)?;
    if figure.lines.to_string() != right {
        let (got, right) = (figure.lines.to_string(), right.to_owned());
        return Err(SoftwareError::Answer { what: "the number of lines", got, right });
    }
    let answer = format!("{} lines in {} files", figure.lines, figure.files);
    Ok(outcome(&ended.ran, vec![part("search", figure.ns, figure.files)], answer))
}

/// The figures of `--stats`.
#[derive(Debug, PartialEq, Eq)]
struct Figure {
    lines: u64,
    files: u64,
    ns: u64,
}

fn figure(text: &str) -> Option<Figure> {
    let before = |unit: &str| text.lines().find_map(|line| line.strip_suffix(unit));
    let seconds: f64 = before(" seconds")?.parse().ok()?;
    Some(Figure {
        lines: before(" matched lines")?.parse().ok()?,
        files: before(" files searched")?.parse().ok()?,
        ns: (seconds * 1e9) as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_understood() {
        let text = "a/b.go:3\n\n100 matches\n99 matched lines\n73 files contained matches\n\
            1767 files searched\n0 bytes printed\n19645937 bytes searched\n\
            0.363202 seconds spent searching\n0.107009 seconds\n";
        let right = Figure { lines: 99, files: 1767, ns: 107_009_000 };
        assert_eq!(figure(text), Some(right));
        assert_eq!(figure("0 matched lines\n"), None);
    }
}
