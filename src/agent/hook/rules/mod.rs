//! The rules by which a client's user allows and forbids commands, read from where the client reads them.
//!
//! A client compares its rules with the command that the hook returns, in which the original is only an argument: a rule against `rm` would not
//! meet it any more. So the hook answers for the original. It is stricter than the clients: it ignores what allows, honours what is switched
//! off, and where it cannot read a file it takes it for one that objects.

mod claude;
mod codex;
mod cursor;
mod gemini;
mod matching;
mod objection;
mod opencode;
mod paths;
mod reading;
mod starlark;
mod surroundings;

use super::line::Line;
use crate::agent::Client;

pub use objection::{Answer, Objection};
pub use surroundings::{Surroundings, VARIABLES};

/// Returns the strongest rule that stands against a command.
pub fn judge(client: Client, surroundings: &Surroundings, line: &Line) -> Option<Objection> {
    let objections = match client {
        Client::ClaudeCode => claude::objections(surroundings, line),
        Client::Codex => codex::objections(surroundings, line),
        Client::Gemini => gemini::objections(surroundings, line),
        Client::Cursor => cursor::objections(surroundings, line),
        Client::Opencode => opencode::objections(surroundings, line),
        // Its rules are options of its command line, which a hook does not see.
        Client::Copilot => Vec::new(),
    };
    // The first of the strongest.
    objections.into_iter().rev().max_by_key(|objection| objection.answer)
}
