//! What the two binaries share: where a person's files are, and how errors are worded.
//!
//! Where the environment is read; `terminal` looks at what concerns it alone (`TERM`, `NO_COLOR`).

pub mod explain;
mod settings;
pub mod time;

pub use settings::Settings;

use crate::terminal::report::Report;

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
