// SPDX-License-Identifier: GPL-2.0-only
//! The verdict as the terminal shows it, in the manner of rustc.

use crate::verdict::{Place, Verdict};
use std::fmt;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.accepted {
            let callbacks = self.callbacks.join(", ");
            return write!(f, "accepted: {} ({callbacks}) passes the verifier", self.policy);
        }
        write!(f, "refused: {}", self.headline.as_deref().unwrap_or("no reason was given"))?;
        if let Some(place) = &self.place {
            write!(f, "\n{place}")?;
        }
        let gutter = self.place.as_ref().map_or(0, Place::gutter);
        let mut note = |label: &str, text: &Option<String>| match text {
            Some(text) => write!(f, "\n{:gutter$} = {label}: {text}", ""),
            None => Ok(()),
        };
        note("at fault", &self.fault)?;
        note("kernel", &self.complaint)?;
        for line in &self.tail {
            write!(f, "\n{:gutter$} | {line}", "")?;
        }
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl Place {
    /// How wide the column of line numbers is.
    fn gutter(&self) -> usize {
        self.lines.last().map_or(1, |(number, _)| number.to_string().len())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.gutter();
        let note = if self.on_disk { "" } else { " (as the log has it: not found on disk)" };
        write!(f, "{:gutter$}--> {}:{}{note}", "", self.path.display(), self.line)?;
        write!(f, "\n{:gutter$} |", "")?;
        for (number, text) in &self.lines {
            let text = text.replace('\t', "    ");
            let text = text.trim_end();
            write!(f, "\n{number:gutter$} |{}{text}", if text.is_empty() { "" } else { " " })?;
            if *number == self.line {
                let indent = text.len() - text.trim_start().len();
                let width = text.trim().chars().count().max(1);
                write!(f, "\n{:gutter$} | {:indent$}{}", "", "", "^".repeat(width))?;
            }
        }
        Ok(())
    }
}
