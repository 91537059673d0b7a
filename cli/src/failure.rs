//! Why a command ends without success.

use crate::text::shown_path;
use std::fmt;
use std::path::Path;

/// A one-line message for the user and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

/// The result of a command or a part of one.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// Something went wrong: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), code: 1 }
    }

    /// The user stopped the command: exit code 130, as shells report a program that Ctrl-C ended.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Failure { message: message.into(), code: 130 }
    }

    /// The same, said of a file.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Failure { message: format!("{}: {}", shown_path(path), self.message), ..self }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl From<rushlight::Error> for Failure {
    fn from(error: rushlight::Error) -> Self {
        // Differences between a state and a network are listed in lines of their own; here they follow in the same one.
        Failure::new(error.to_string().replace("\n\t", " "))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
