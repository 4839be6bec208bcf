//! What the two binaries show on a terminal and ask there: tables, colours, prompts, errors, progress.
//!
//! Knows nothing of vaults, and never shows a character that could move the cursor or turn text around.

pub mod agreement;
mod escape;
pub mod progress;
pub mod prompt;
pub mod report;
mod say;
#[cfg(unix)]
pub(crate) mod signals;
pub mod style;
pub mod table;

pub use crate::terminal::escape::{escape, escape_json};
pub use crate::terminal::say::{failure, say, whole};

/// A number of things that have a plural in `s`, such as `1 commit` or `2 commits`.
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
