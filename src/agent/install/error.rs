//! What keeps a client's configuration from being changed.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{cli::explain::Explain, terminal::report::Report};

/// Is what is wrong with the text of a configuration file, or with what is to be put there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The text is not in the format of its file.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A key has another kind of value.
    #[error("{key} should be {expected}")]
    Shape {
        /// The key with those above it, or what the whole file is called.
        key: String,
        /// The kind of value that belongs there.
        expected: &'static str,
    },
    /// A key stands in an object more than once. Clients read the last, editors the first.
    #[error("{0} stands there more than once")]
    Twice(String),
    /// The name is taken.
    #[error("{0} is the entry of another program")]
    OtherServer(String),
    /// The file belongs to somebody else.
    #[error("it was not written by fleetvault")]
    OtherFile,
    /// A word would not reach the program as it is.
    #[error("'{0}' cannot stand in a client's configuration")]
    Unfit(String),
}

/// Is why a file was not read or written.
#[derive(Debug, Error)]
pub enum InstallError {
    /// What stands in it.
    #[error("{}: {problem}", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A word of the command cannot be installed.
    #[error(transparent)]
    Command(Problem),
    /// It is larger than any configuration.
    #[error("{} is larger than 4 MiB", .0.display())]
    TooLarge(PathBuf),
    /// It is a directory or a device.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A link of a project leads out of it.
    #[error("{} is a link that leads out of the project", .0.display())]
    Outside(PathBuf),
    /// A link leads nowhere.
    #[error("{} is a link to a file that is not there", .0.display())]
    Dangling(PathBuf),
    /// It is no text.
    #[error("{} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// The system said no.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl Explain for InstallError {
    fn explain(&self) -> Report {
        let by_hand = "nothing was changed; 'install CLIENT --print' shows what to merge by hand";
        match self {
            Self::Contents { problem, .. } => {
                let report = Report::new(1, "configuration", self.to_string());
                match problem {
                    Problem::OtherServer(_) | Problem::OtherFile => {
                        report.hint("nothing was changed; give it another name, then run this again")
                    }
                    _ => report.hint(by_hand),
                }
            }
            Self::Command(_) => Report::new(1, "configuration", self.to_string())
                .hint("clients put something else in its place: use a path without '$', '{env:', '{file:' and control characters"),
            Self::Outside(_) => Report::new(1, "outside", self.to_string())
                .hint("a project can be somebody else's, and must not choose which file is changed: put a file in place of the link, or install with --user"),
            Self::TooLarge(_) => Report::new(1, "too_large", self.to_string()).hint(by_hand),
            Self::NotAFile(_) | Self::Dangling(_) | Self::NotUtf8(_) => Report::new(1, "unfit", self.to_string()),
            Self::Io { .. } => Report::new(1, "io", self.to_string()),
        }
    }
}
