// SPDX-License-Identifier: GPL-2.0-only
//! One message, one line of JSON.

use crate::{Classified, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, Write};
use thiserror::Error;

/// Why a message could not be sent or received.
#[derive(Debug, Error)]
pub enum WireError {
    /// The port failed.
    #[error("the port to the other side failed: {0}")]
    Io(#[from] io::Error),
    /// The other side closed the port.
    #[error("the other side closed the port")]
    Closed,
    /// A line that is no message.
    #[error("not a message: {line:?}: {source}")]
    Malformed {
        /// The line as it came.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Classified for WireError {
    fn kind(&self) -> Kind {
        Kind::Environment
    }
}

/// The line of a message, with its end.
///
/// # Errors
/// When the message has no form in JSON.
pub fn to_line<M: Serialize>(message: &M) -> Result<String, WireError> {
    let mut line = serde_json::to_string(message).map_err(io::Error::from)?;
    line.push('\n');
    Ok(line)
}

/// The message of a line.
///
/// # Errors
/// When it is none.
pub fn from_line<M: DeserializeOwned>(line: &str) -> Result<M, WireError> {
    serde_json::from_str(line)
        .map_err(|source| WireError::Malformed { line: line.to_owned(), source })
}

/// Send one message.
///
/// # Errors
/// When the port cannot be written.
pub fn write_message<M: Serialize>(to: &mut impl Write, message: &M) -> Result<(), WireError> {
    to.write_all(to_line(message)?.as_bytes())?;
    to.flush()?;
    Ok(())
}

/// Receive one message, waiting for it. Empty lines are passed over.
///
/// # Errors
/// When the port fails, is closed, or brings a line that is no message.
pub fn read_message<M: DeserializeOwned>(from: &mut impl BufRead) -> Result<M, WireError> {
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(WireError::Closed);
        }
        if line.trim().is_empty() {
            continue;
        }
        return from_line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FromAgent;

    #[test]
    fn a_closed_port_and_a_garbled_line_are_told_apart() {
        let closed = read_message::<FromAgent>(&mut &b"\n"[..]);
        assert!(matches!(closed, Err(WireError::Closed)));
        let garbled = read_message::<FromAgent>(&mut &b"{\"progress\":\"no\n"[..]);
        assert!(matches!(garbled, Err(WireError::Malformed { .. })));
    }
}
