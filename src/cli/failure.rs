//! What a command ends with when it could not do its work.

use super::explain::{Explain, first_of};
use crate::terminal::report::Report;

/// Everything that kept a command from doing its work; never empty.
#[derive(Debug)]
pub struct Failure(pub Vec<Report>);

impl Failure {
    /// Tells whether all of it is about what sound files say: outside the scope, removed, expired, or policy, which is asked behind all of that.
    /// These files are remembered as if they had been used: what took something away must not be undone by an older file.
    pub fn is_about_sound_files(&self) -> bool {
        self.0.iter().all(|report| matches!(report.exit, 3..=5 | 7))
    }

    /// Fails with all of these errors, where there are any.
    ///
    /// # Errors
    /// One report for each.
    pub fn unless_none<E: Explain>(errors: &[E]) -> Result<(), Self> {
        match errors.is_empty() {
            true => Ok(()),
            false => Err(Self(errors.iter().map(Explain::explain).collect())),
        }
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self(vec![report])
    }
}

/// Turns a library error into the report a person reads.
impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        error.explain().into()
    }
}

/// Several errors of a kind, at most so many of them.
impl<E: Explain> From<Vec<E>> for Failure {
    fn from(errors: Vec<E>) -> Self {
        Self(first_of(errors.iter().map(Explain::explain)))
    }
}
