// SPDX-License-Identifier: GPL-2.0-only
//! The source line that a refusal is about.
//!
//! The kernel names files without their folders; the object file has the full
//! names, as they were where it was compiled. A line is shown from the file on
//! disk only where the file still says what was compiled.

use crate::verdict::log::Annotation;
use serde::Serialize;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines shown before and after.
const NEIGHBOURS: usize = 2;

/// A line of source, and its neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file: as found on disk, else as the log or the object names it.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// Lines by number, the one that is meant among them.
    pub lines: Vec<(u32, String)>,
    /// Whether they were read from the file; else the one line is the log's.
    pub on_disk: bool,
}

/// Where source files may be.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    /// The files, as the compiler named them.
    pub names: &'a [String],
    /// Folders to look in, besides the names as they are.
    pub roots: &'a [PathBuf],
}

impl Sources<'_> {
    /// The place of a refusal: the nearest source line that lies in the first
    /// folder that has any, so that code from a library is told by the policy's
    /// line that uses it; else the nearest that has a text to show.
    pub(super) fn nearest<'a>(&self, lines: impl Iterator<Item = Annotation<'a>>) -> Option<Place> {
        let mut seen = HashSet::new();
        let lines = lines.filter(|line| seen.insert(*line));
        let mut places: Vec<_> = lines.map(|line| self.locate(&line)).collect();
        let own = self.roots.iter().find_map(|root| {
            places.iter().position(|place| place.on_disk && place.path.starts_with(root))
        });
        let told = || places.iter().position(|place| !place.text().is_empty());
        let chosen = own.or_else(told).unwrap_or(0);
        (!places.is_empty()).then(|| places.swap_remove(chosen))
    }

    fn locate(&self, source: &Annotation<'_>) -> Place {
        let agrees = |path: &Path| Place::read(path, source.line, Some(source.text));
        let named = |name: &&String| Path::new(name.as_str()).ends_with(source.file);
        let found = self.names.iter().filter(named).flat_map(|name| self.candidates(name));
        found.into_iter().find_map(|path| agrees(&path)).unwrap_or_else(|| Place {
            path: self.names.iter().find(named).map_or(source.file.into(), PathBuf::from),
            line: source.line,
            lines: vec![(source.line, source.text.to_owned())],
            on_disk: false,
        })
    }

    /// The first line of the sources that has a text as a word, headers last.
    pub(super) fn containing(&self, text: &str) -> Option<Place> {
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|name| name.ends_with(".h"));
        names.into_iter().flat_map(|name| self.candidates(name)).find_map(|path| {
            let content = fs::read_to_string(&path).ok()?;
            let at = content.lines().position(|line| is_code(line, text) && has_word(line, text));
            Place::read(&path, u32::try_from(at? + 1).ok()?, None)
        })
    }

    /// Where a file may lie: as it was named, then that name's every ending
    /// under the folders.
    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let name = Path::new(name);
        let parts: Vec<_> = name.components().collect();
        let endings = (0..parts.len()).map(|n| parts[n..].iter().collect::<PathBuf>());
        let under = |ending: PathBuf| self.roots.iter().map(move |root| root.join(&ending));
        let mut all: Vec<_> = [name.to_path_buf()].into_iter().collect();
        all.extend(endings.filter(|ending| ending.is_relative()).flat_map(under));
        all
    }
}

/// Whether a line is more than a comment, a declaration of what lies elsewhere
/// or, unless that is looked for, the section of the function below it.
fn is_code(line: &str, sought: &str) -> bool {
    let starts = |start: &&str| line.trim_start().starts_with(*start);
    !["/", "*", "extern "].iter().any(starts) && (sought.contains('/') || !starts(&"SEC("))
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let joined = |neighbour: Option<char>, edge: Option<char>| {
        neighbour.is_some_and(part) && edge.is_some_and(part)
    };
    line.match_indices(word).any(|(at, _)| {
        !joined(line[..at].chars().next_back(), word.chars().next())
            && !joined(line[at + word.len()..].chars().next(), word.chars().next_back())
    })
}

impl Place {
    /// A line of a file, if the file has it and it reads as it should.
    fn read(path: &Path, line: u32, expected: Option<&str>) -> Option<Self> {
        let content = fs::read_to_string(path).ok()?;
        let all: Vec<_> = content.lines().collect();
        let at = usize::try_from(line).ok()?.checked_sub(1)?;
        let text = all.get(at)?.trim();
        if expected.is_some_and(|expected| !expected.is_empty() && expected != text) {
            return None;
        }
        let range = at.saturating_sub(NEIGHBOURS)..all.len().min(at + NEIGHBOURS + 1);
        let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
        Some(Self {
            path: path.to_path_buf(),
            line,
            lines: range.map(|n| (number(n), all[n].to_owned())).collect(),
            on_disk: true,
        })
    }

    /// The text of the line that is meant.
    pub fn text(&self) -> &str {
        let line = self.lines.iter().find(|(number, _)| *number == self.line);
        line.map_or("", |(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_found_within_a_longer_one() {
        assert!(has_word("int limit(int a)", "limit"));
        assert!(has_word("int limit(int a)", "limit("));
        assert!(has_word(".get_ra = x", ".get_ra"));
        assert!(!has_word("int limit_kb(int a)", "limit"));
        assert!(!has_word("unlimit(a)", "limit("));
    }

    #[test]
    fn comments_and_declarations_are_not_the_place() {
        assert!(!is_code("  // limit(s)", "limit"));
        assert!(!is_code("extern int limit(int s);", "limit"));
        assert!(!is_code("SEC(\"struct_ops/limit\")", "limit"));
        assert!(is_code("SEC(\"struct_ops.s/limit\")", "struct_ops.s/"));
    }

    #[test]
    fn a_file_is_sought_by_every_ending_of_its_name() {
        let (names, roots) = (["/a/b/c.rs".to_owned()], [PathBuf::from("r")]);
        let found = Sources { names: &names, roots: &roots }.candidates(&names[0]);
        let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found, ["/a/b/c.rs", "r/a/b/c.rs", "r/b/c.rs", "r/c.rs"]);
    }
}
