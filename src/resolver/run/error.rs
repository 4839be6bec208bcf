//! Why a command was not run, or not to its end.

use std::{io, path::PathBuf};

use thiserror::Error;
use vault_format::CredentialName;

use super::env_file::EnvFileError;
use crate::resolver::{
    shell::ShellErrors,
    template::{RenderErrors, TemplateErrors},
};

/// From which length on the system takes no argument and no variable, in bytes. Linux has this limit; it is kept everywhere.
pub const ARGUMENT_MAX: usize = 128 << 10;

/// Why a command was not run. Holds references and names, never a value.
#[derive(Debug, Error)]
pub enum RunError {
    /// A template is none.
    #[error("{place}: {errors}")]
    Template {
        /// Where it stands: `argument 2`.
        place: String,
        /// What is wrong with it.
        errors: TemplateErrors,
    },
    /// A value in the place of the program: what is run is for the caller to say, and everybody can see it.
    #[error("the program: '<<secure.{name}>>' cannot say what is run")]
    Program {
        /// The credential.
        name: CredentialName,
    },
    /// A value does not fit its reference.
    #[error("{place}: {errors}")]
    Render {
        /// Where it stands.
        place: String,
        /// What is wrong.
        errors: RenderErrors,
    },
    /// A reference of a shell line stands where no value can be put safely.
    #[error(transparent)]
    Shell(#[from] ShellErrors),
    /// A variable with which a shell would do something else than its line, where values are.
    #[error("variable {name}: it would make the shell run or load something else where values are")]
    ShellVariable {
        /// The variable.
        name: String,
    },
    /// A file of variables is none.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// A value that begins with `-`, where it begins a word that a program may take for an option.
    #[error("{place}: {what} begins with '-', so that the program could take it for an option", what = values_of(.credentials))]
    Option {
        /// Where it stands.
        place: String,
        /// Whose values begin the word.
        credentials: Vec<CredentialName>,
    },
    /// A value that no argument or variable can hold.
    #[error("{place}: {what} cannot be {kind}: it has a NUL byte", what = values_of(.credentials), kind = if *.variable { "a variable" } else { "an argument" })]
    Nul {
        /// Where it stands.
        place: String,
        /// Whose values are in it.
        credentials: Vec<CredentialName>,
        /// Whether it is a variable, rather than an argument.
        variable: bool,
    },
    /// A text that is too long for the system.
    #[error("{place}: with {what} it has {length} bytes, and the system takes less than {ARGUMENT_MAX}", what = values_of(.credentials))]
    TooLong {
        /// Where it stands.
        place: String,
        /// Whose values are in it.
        credentials: Vec<CredentialName>,
        /// How long it is, in bytes.
        length: usize,
    },
    /// A file could not be made for the command.
    #[error("cannot make {}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The directory to run in is none.
    #[error("cannot run in {}: {error}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The network was to be denied, and this system cannot do it.
    #[error("the network cannot be denied here: {0}")]
    Network(String),
    /// The program does not start.
    #[error("cannot run '{program}': {error}")]
    Start {
        /// Its name, references included.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// What it printed could not be written.
    #[error("cannot write what the command prints: {0}")]
    Output(io::Error),
    /// Signals, descriptors or the terminal failed.
    #[error("cannot {what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
}

fn values_of(names: &[CredentialName]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.len() {
        0 => "what is given".into(),
        1 => format!("the value of {}", quoted[0]),
        _ => format!("the values of {}", quoted.join(", ")),
    }
}

/// What the system did not do.
#[cfg(unix)]
pub(super) fn system(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |error| RunError::System { what, error }
}
