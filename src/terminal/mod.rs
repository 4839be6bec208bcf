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
