// SPDX-License-Identifier: GPL-2.0-only
//! Files of one idea: a source of more than 500 lines has its reason here.

use crate::tree::File;

const LIMIT: usize = 500;

/// Files over the limit, each with the reason why it is one.
const LONG: [(&str, &str); 1] =
    [("policies/auto/src/tests.rs", "one table of access patterns, told apart by one policy")];

/// What is wrong with the length of `files`.
pub(crate) fn problems(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|f| f.has_extension(&["rs", "c", "h", "sh"])) {
        let lines = file.text.lines().count();
        if lines > LIMIT && !LONG.iter().any(|(path, _)| *path == file.path) {
            problems.push(format!(
                "{}: {lines} lines: split it by its ideas, or give a reason in xtask/src/lines.rs",
                file.path
            ));
        }
    }
    for (path, _) in LONG {
        let long = |f: &File| f.path == path && f.text.lines().count() > LIMIT;
        if !files.iter().any(long) {
            problems.push(format!(
                "xtask/src/lines.rs: {path} has {LIMIT} lines or fewer: take the entry out"
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> File {
        File { path: path.to_owned(), text: "x\n".repeat(lines) }
    }

    #[test]
    fn a_long_source_without_a_reason_is_a_problem() {
        let known = file(LONG[0].0, LIMIT + 1);
        let files = [known, file("a.rs", 501), file("b.rs", 500), file("c.md", 900)];
        let [problem] = &problems(&files)[..] else { panic!("one problem") };
        assert!(problem.starts_with("a.rs: 501 lines"));
    }

    #[test]
    fn a_reason_for_a_short_file_is_a_problem() {
        let problems = problems(&[file(LONG[0].0, LIMIT)]);
        assert!(problems[0].contains("take the entry out"), "{problems:?}");
    }
}
