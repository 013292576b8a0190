// SPDX-License-Identifier: GPL-2.0-only
//! The voice of CONTRIBUTING, as far as a list of words can keep it.

use crate::tree::File;

/// What is not written, and what to write in its place.
const BANNED: [(&str, &str); 14] = [
    ("nobody", "name who or what does not"),
    ("somebody", "name who or what does"),
    ("so that it", "name the thing, or begin a new sentence"),
    ("is none of", "say what it is not"),
    ("so slow is it", "say the limit"),
    ("takes away", "detaches, removes"),
    ("take away", "detach, remove"),
    ("taken away", "detached, removed"),
    ("became of", "was the result of, or the field's word"),
    ("becomes of", "is the result of, or the field's word"),
    ("hears no more", "is not called again"),
    ("tells nobody", "gives no signal"),
    ("or do so no more", "on or off"),
    ("lets go", "releases"),
];

/// The list itself, the page that quotes it, and a file with the user `nobody`.
const EXEMPT: [&str; 3] =
    ["xtask/src/words.rs", "CONTRIBUTING.md", "crates/measure/src/software/packages.rs"];

/// Where `files` have a word of the list. A phrase is found across lines, too.
pub(crate) fn problems(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    let written = |f: &&File| {
        f.has_extension(&["md", "rs", "c", "h", "sh", "toml"]) || f.path.ends_with("Makefile")
    };
    for file in files.iter().filter(written).filter(|f| !EXEMPT.contains(&f.path.as_str())) {
        let words = words(&file.text);
        for (phrase, instead) in BANNED {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            for found in words.windows(phrase.len()) {
                if found.iter().zip(&phrase).all(|((_, word), banned)| word == banned) {
                    let (line, said) = (found[0].0, phrase.join(" "));
                    problems.push(format!("{}:{line}: \"{said}\": {instead}", file.path));
                }
            }
        }
    }
    problems
}

/// The words of `text` in lower case, each with its line.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in line.split(|c: char| !c.is_alphanumeric() && !"'_-".contains(c)) {
            if word.chars().any(char::is_alphanumeric) {
                words.push((number + 1, word.to_lowercase()));
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_across_the_lines_of_a_comment() {
        let text = "// A page is\n/// none of ours; Nobody's, nobody.\n";
        let file = File { path: "a.rs".to_owned(), text: text.to_owned() };
        let found = problems(&[file]);
        let places: Vec<_> = found.iter().map(|p| p.split(": ").next().unwrap()).collect();
        assert_eq!(places, ["a.rs:2", "a.rs:1"], "{found:?}");
    }
}
