//! `hook`: what a client asks before a tool runs, and what it is answered. JSON in, JSON out, and never a value in either.
//!
//! A shell command that holds references becomes one for `fleetvault-resolver run`, in which the values are put in and masked. What is said about it
//! never gives more than the client's user would have given: no client is told to run something without its own checks, and what the user's rules
//! say about the original command is answered here, since they would not meet it any more.
//!
//! Fields that are not known are given back as they came; calls that are not known are none of this hook's.

mod call;
mod claude_code;
mod codex;
mod copilot;
mod cursor;
mod gemini;
mod line;
mod opencode;
pub mod rules;
mod splitter;

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::Client;

pub use call::{Call, SERVER, Verdict};
pub use line::Line;

/// The most that is read of a request, in bytes.
pub const REQUEST_MAX: u64 = 16 << 20;

/// Reads what a client asks.
pub fn read(client: Client, request: &Value) -> Call {
    match client {
        Client::ClaudeCode | Client::Codex => claude_code::read(request),
        Client::Gemini => gemini::read(request),
        Client::Copilot => copilot::read(request),
        Client::Cursor => cursor::read(request),
        Client::Opencode => opencode::read(request),
    }
}

/// Says what a client reads; `None` is silence.
pub fn answer(client: Client, request: &Value, verdict: Verdict) -> Option<Value> {
    match client {
        Client::ClaudeCode => claude_code::answer(verdict),
        Client::Codex => codex::answer(verdict),
        Client::Gemini => gemini::answer(verdict),
        Client::Copilot => copilot::answer(request, verdict),
        Client::Cursor => cursor::answer(verdict),
        Client::Opencode => opencode::answer(verdict),
    }
}

/// The input of a call with another command; everything else in it stays.
pub fn with_command(client: Client, request: &Value, command: &str) -> Value {
    let mut input = input(client, request).unwrap_or_default();
    input.insert("command".into(), command.into());
    Value::Object(input)
}

/// Tells in which directory a call is made, where the client says so.
pub fn directory(request: &Value) -> Option<PathBuf> {
    let told = ["cwd", "directory"].iter().find_map(|key| request.get(*key));
    let directory = told.and_then(Value::as_str).map(PathBuf::from);
    directory.filter(|directory| directory.is_absolute())
}

fn input(client: Client, request: &Value) -> Option<Map<String, Value>> {
    match client {
        Client::Copilot => copilot::input(request),
        Client::Opencode => request.get("args")?.as_object().cloned(),
        _ => request.get("tool_input")?.as_object().cloned(),
    }
}
