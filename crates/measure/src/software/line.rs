// SPDX-License-Identifier: GPL-2.0-only
//! The output of our own programs: names and values in one line.

use crate::software::SoftwareError;

/// `reads 12 ns 34 sum 5f`
pub(crate) struct Line<'a> {
    program: &'static str,
    words: Vec<&'a str>,
    text: &'a str,
}

impl<'a> Line<'a> {
    /// The last line of a text.
    pub(crate) fn last(program: &'static str, text: &'a str) -> Self {
        let words = text.lines().last().unwrap_or_default().split_whitespace().collect();
        Self { program, words, text }
    }

    /// The value behind a name.
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, SoftwareError> {
        let found = self.words.chunks_exact(2).find(|pair| pair[0] == name);
        let missing = || SoftwareError::output(self.program, name, self.text);
        found.map(|pair| pair[1]).ok_or_else(missing)
    }

    /// The number that follows a name.
    pub(crate) fn number(&self, name: &'static str) -> Result<u64, SoftwareError> {
        let missing = |_| SoftwareError::output(self.program, name, self.text);
        self.text(name)?.parse().map_err(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_names_with_values() {
        let line = Line::last("it", "noise ns 1\nreads 12 ns 34 sum ns\n");
        assert_eq!((line.number("reads").unwrap(), line.number("ns").unwrap()), (12, 34));
        assert_eq!(line.text("sum").unwrap(), "ns");
        assert!(line.number("sum").is_err());
        assert!(line.number("34").is_err());
        let error = Line::last("it", "oops\n").number("ns").unwrap_err().to_string();
        assert_eq!(error, "it printed no ns: oops");
    }
}
