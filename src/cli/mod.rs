//! What the two binaries share: where a person's files are, and how errors are worded.
//!
//! Where the environment is read; `terminal` looks at what concerns it alone (`TERM`, `NO_COLOR`).

pub mod explain;
mod settings;
pub mod time;

pub use settings::Settings;

use std::{io, process::ExitCode};

use clap::Parser;

use crate::terminal::{report, report::Report, style::Style};

/// Reads the arguments. What clap prints of its own (help, usage errors) is printed here, and the exit code returned.
///
/// # Errors
/// The exit code, where there is nothing left to do. A private key in the arguments is not repeated.
pub fn arguments<C: Parser>() -> Result<C, ExitCode> {
    C::try_parse().map_err(|error| {
        if error.use_stderr() && vault_format::holds_private_key(&error.to_string()) {
            let report = Report::new(2, "usage", "an argument is a private key, where none belongs")
                .hint("it stands in the history of your shell now: make a new one with 'fleetvault keygen -o FILE'");
            let _ = report::print(&[report], false, Style::stderr(), &mut io::stderr().lock());
        } else {
            let _ = error.print();
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Everything that kept a command from doing its work; never empty.
#[derive(Debug)]
pub struct Failure(pub Vec<Report>);

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self(vec![report])
    }
}

/// Turns a library error into the report a person reads.
impl<E: explain::Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        error.explain().into()
    }
}
