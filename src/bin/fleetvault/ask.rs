//! Questions to the person at the terminal.

use fleetvault::{
    cli::Failure,
    terminal::{prompt, report::Report},
};

/// Asks for a yes or a no; `None` where nobody can be asked.
pub fn confirm(question: &str) -> Result<Option<bool>, Failure> {
    prompt::confirm(question)
        .map_err(|error| Report::new(1, "io", format!("cannot ask at the terminal: {error}")).into())
}

/// How it is told that there was no yes.
pub struct Refusal<'a> {
    /// Where it was a no.
    pub said_no: &'a str,
    /// Where there is nobody.
    pub nobody: &'a str,
    /// What to do then.
    pub hint: &'a str,
}

/// What `nobody` mostly is.
pub const NOBODY: &str = "nobody can be asked: there is no terminal";

/// Asks for a yes.
pub fn agree(question: &str, refusal: &Refusal<'_>) -> Result<(), Failure> {
    match confirm(question)? {
        Some(true) => Ok(()),
        Some(false) => Err(Report::new(7, "refused", refusal.said_no).into()),
        None => Err(Report::new(7, "refused", refusal.nobody).hint(refusal.hint).into()),
    }
}
