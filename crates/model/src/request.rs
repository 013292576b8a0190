// SPDX-License-Identifier: GPL-2.0-only
//! How host and agent talk: one typed request, one typed answer.
//!
//! The host sends `{"ask": NAME, "with": …}`. The agent sends any number of
//! `{"progress": …}`, then one `{"answer": …}` or `{"failed": …}`. While a program
//! runs ([`Converse`]), the agent also sends its output and asks for its input, and
//! the host sends `{"input": …}` and `{"kill": …}`.

use crate::{Ran, Stream, WireError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request of the host. Each type belongs to one answer type.
pub trait Request: Serialize + DeserializeOwned {
    /// Its name on the wire.
    const NAME: &'static str;
    /// The agent's answer.
    type Answer: Serialize + DeserializeOwned;
}

/// A request with a program behind it: output and input pass before the answer.
pub trait Converse: Request<Answer = Ran> {}

/// Ties a request type to its name and its answer.
#[macro_export]
macro_rules! request {
    ($request:ty, $name:literal => $answer:ty) => {
        impl $crate::Request for $request {
            const NAME: &'static str = $name;
            type Answer = $answer;
        }
    };
}

/// A message of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToAgent {
    /// A request.
    Ask(Ask),
    /// Standard input for the program that runs, once for each
    /// [`FromAgent::WantInput`]. No bytes are its end.
    Input {
        /// The bytes.
        #[serde(with = "crate::program::bytes")]
        input: Vec<u8>,
    },
    /// Kill the program that runs, with its children. Ignored if none runs.
    Kill {
        /// The whole process group.
        kill: bool,
    },
}

/// A request as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// [`Request::NAME`].
    pub ask: String,
    /// The request.
    pub with: Value,
}

impl Ask {
    /// The message for a request.
    ///
    /// # Errors
    /// When the request has no form in JSON.
    pub fn new<R: Request>(request: &R) -> Result<Self, WireError> {
        let with = serde_json::to_value(request).map_err(std::io::Error::from)?;
        Ok(Self { ask: R::NAME.into(), with })
    }
}

/// A message of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromAgent {
    /// Sent once, unasked, when the agent is up.
    Hello {
        /// `uname -r` of the guest.
        release: String,
    },
    /// The agent is still at work: a line for people.
    Progress(String),
    /// Output of the program that runs.
    Output {
        /// Where the program wrote it.
        stream: Stream,
        /// The bytes.
        #[serde(with = "crate::program::bytes")]
        data: Vec<u8>,
    },
    /// The program that runs has room for standard input. The host sends one
    /// [`ToAgent::Input`].
    WantInput {},
    /// The request's [`Request::Answer`].
    Answer(Value),
    /// The request could not be carried out.
    Failed(Failure),
}

/// Why a request could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Failure {
    /// The step that failed.
    pub what: String,
    /// The reason, as the system gave it.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::{Detach, Exec};
    use crate::{read_message, write_message};

    fn line(message: &impl Serialize) -> String {
        let mut bytes = Vec::new();
        write_message(&mut bytes, message).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_request_is_one_line_with_its_name() {
        let exec = Exec { argv: vec!["sh".into(), "a\nb".into()] };
        let sent = ToAgent::Ask(Ask::new(&exec).unwrap());
        let text = line(&sent);
        assert_eq!(text, "{\"ask\":\"exec\",\"with\":{\"argv\":[\"sh\",\"a\\nb\"]}}\n");
        assert_eq!(read_message::<ToAgent>(&mut text.as_bytes()).unwrap(), sent);
        let bare = line(&ToAgent::Ask(Ask::new(&Detach).unwrap()));
        assert_eq!(bare, "{\"ask\":\"detach\",\"with\":null}\n");
    }

    #[test]
    fn the_words_of_a_conversation_are_told_apart() {
        for sent in [
            ToAgent::Input { input: vec![0, 255, 10] },
            ToAgent::Input { input: Vec::new() },
            ToAgent::Kill { kill: true },
        ] {
            let text = line(&sent);
            assert_eq!(read_message::<ToAgent>(&mut text.as_bytes()).unwrap(), sent, "{text}");
        }
        for (said, text) in [
            (FromAgent::Progress("at work".into()), "{\"progress\":\"at work\"}\n"),
            (FromAgent::WantInput {}, "{\"want_input\":{}}\n"),
            (FromAgent::Answer(Value::Null), "{\"answer\":null}\n"),
        ] {
            assert_eq!(line(&said), text);
            assert_eq!(read_message::<FromAgent>(&mut text.as_bytes()).unwrap(), said);
        }
    }

    #[test]
    fn any_byte_survives_the_wire() {
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let sent = FromAgent::Output { stream: Stream::Stderr, data };
        let text = line(&sent);
        assert!(text.len() < 1500);
        assert_eq!(read_message::<FromAgent>(&mut text.as_bytes()).unwrap(), sent);
    }
}
