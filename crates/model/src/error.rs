// SPDX-License-Identifier: GPL-2.0-only
//! What an error is, for every crate and for the exit status of the command.
//!
//! A library keeps its typed errors and says of each what kind it is ([`Classified`]).
//! At the edge each becomes an [`Error`], by `?`. The exit status follows from the
//! [`Kind`] alone, so no caller can lose it. An `io::Error` has no kind of its own: the
//! code that meets one says whose file it is ([`IoExt`]).

use std::error::Error as StdError;
use std::fmt::{self, Display, Write as _};
use std::io;
use std::path::Path;

/// What the user can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An input is refused, or a measurement found wrong data: change the input.
    Refused,
    /// The command line is wrong: type another one.
    Usage,
    /// The machine lacks something: install, free or permit it.
    Environment,
}

impl Kind {
    /// The exit status of a command that fails so; 69 is `EX_UNAVAILABLE` of sysexits.h.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Environment => 69,
        }
    }
}

/// A typed error of a library that knows its kind; `?` turns it into an [`Error`].
pub trait Classified: StdError + Send + Sync + 'static {
    /// What the user can do about it.
    fn kind(&self) -> Kind;
}

/// Where something failed, what failed, and what to do about it: one line.
///
/// The line holds the causes too, each once. [`Error::is`] finds a cause by its type.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    place: Option<String>,
    what: String,
    help: Option<String>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, place: None, what: what.into(), help: None, cause: None }
    }

    /// An input is refused.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what)
    }

    /// The command line is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// The machine lacks something.
    pub fn environment(what: impl Into<String>) -> Self {
        Self::new(Kind::Environment, what)
    }

    /// Add the place: a file, a line, a device, a policy, a step. Of several, the last
    /// one added comes first.
    #[must_use]
    pub fn at(mut self, place: impl Display) -> Self {
        self.place = Some(match self.place {
            Some(inner) => format!("{place}: {inner}"),
            None => place.to_string(),
        });
        self
    }

    /// Add what to do about it, in the imperative.
    #[must_use]
    pub fn help(mut self, todo: impl Into<String>) -> Self {
        self.help = Some(todo.into());
        self
    }

    /// Keep the error that caused this one.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What the user can do about it; the exit status follows.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether an error of the type `E` is among the causes.
    #[must_use]
    pub fn is<E: StdError + 'static>(&self) -> bool {
        self.find::<E>().is_some()
    }

    /// The first cause of the type `E`.
    #[must_use]
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        self.causes().find_map(|cause| cause.downcast_ref())
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(self.source(), |&cause| cause.source())
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if let Some(place) = &self.place {
            write!(text, "{place}: ")?;
        }
        text += &self.what;
        for cause in self.causes().map(ToString::to_string) {
            // Many errors name their cause themselves.
            if !text.ends_with(&cause) {
                write!(text, ": {cause}")?;
            }
        }
        if let Some(help) = &self.help {
            write!(text, ": {help}")?;
        }
        f.write_str(&text)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl<E: Classified> From<E> for Error {
    fn from(error: E) -> Self {
        Self::new(error.kind(), error.to_string()).because(error)
    }
}

/// Adds the place to the error of a result, as [`Error::at`] does.
pub trait At<T> {
    /// The result, with the place added to its error.
    ///
    /// # Errors
    /// When `self` is one.
    fn at(self, place: impl Display) -> Result<T, Error>;
}

impl<T, E: Into<Error>> At<T> for Result<T, E> {
    fn at(self, place: impl Display) -> Result<T, Error> {
        self.map_err(|error| error.into().at(place))
    }
}

/// Says whose file an `io::Error` is about.
///
/// The rule: a file that the user named is an input, and its error is a refusal. A file
/// of the cache, of the build folder or of the kernel, a device and a process belong to
/// the environment. `doing` is a verb with "-ing", such as "writing".
pub trait IoExt<T> {
    /// The user named the file: [`Kind::Refused`].
    ///
    /// # Errors
    /// When `self` is one.
    fn given(self, doing: &str, path: &Path) -> Result<T, Error>;

    /// The file is the project's or the system's: [`Kind::Environment`].
    ///
    /// # Errors
    /// When `self` is one.
    fn ours(self, doing: &str, path: &Path) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> IoExt<T> for Result<T, E> {
    fn given(self, doing: &str, path: &Path) -> Result<T, Error> {
        self.map_err(|error| on_file(Kind::Refused, doing, path, error.into()))
    }

    fn ours(self, doing: &str, path: &Path) -> Result<T, Error> {
        self.map_err(|error| on_file(Kind::Environment, doing, path, error.into()))
    }
}

fn on_file(kind: Kind, doing: &str, path: &Path, error: io::Error) -> Error {
    Error::new(kind, format!("{doing} {}", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thiserror::Error as Typed;

    #[derive(Debug, Typed)]
    #[error("no QEMU")]
    struct NoQemu;

    impl Classified for NoQemu {
        fn kind(&self) -> Kind {
            Kind::Environment
        }
    }

    #[derive(Debug, Typed)]
    #[error("the engine failed")]
    struct Outer(#[from] NoQemu);

    impl Classified for Outer {
        fn kind(&self) -> Kind {
            self.0.kind()
        }
    }

    #[test]
    fn each_kind_has_its_status() {
        let statuses = [Kind::Refused, Kind::Usage, Kind::Environment].map(Kind::status);
        assert_eq!(statuses, [1, 2, 69]);
    }

    #[test]
    fn an_error_is_one_line_of_where_what_and_what_to_do() {
        let error = Error::refused("has no content").at("line 3").at("x.o").help("build it again");
        assert_eq!(error.to_string(), "x.o: line 3: has no content: build it again");
        assert_eq!(error.kind(), Kind::Refused);
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = Error::refused("writing x: no room").because(io::Error::other("no room"));
        assert_eq!(error.at("copying").to_string(), "copying: writing x: no room");
        let error = Error::from(Outer(NoQemu));
        assert_eq!(error.to_string(), "the engine failed: no QEMU");
    }

    #[test]
    fn the_kind_and_the_type_survive_the_way_up() {
        let failed = || -> Result<(), Error> {
            Err(Outer(NoQemu))?;
            Ok(())
        };
        let error = failed().at("booting").unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert!(error.is::<Outer>() && error.is::<NoQemu>() && !error.is::<io::Error>());
        assert_eq!(error.to_string(), "booting: the engine failed: no QEMU");
    }

    #[test]
    fn whose_file_it_is_decides_the_kind() {
        let missing = || std::fs::read("/no/such").map(drop);
        let given = missing().given("reading", Path::new("/no/such")).unwrap_err();
        assert_eq!(given.kind(), Kind::Refused);
        assert!(given.is::<io::Error>());
        assert!(given.to_string().starts_with("reading /no/such: No such file"), "{given}");
        let ours = missing().ours("reading", Path::new("/no/such")).unwrap_err();
        assert_eq!(ours.kind(), Kind::Environment);
    }
}
