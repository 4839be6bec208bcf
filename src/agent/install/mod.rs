//! Putting the hook and the MCP server into a client's own configuration, and taking them out again.
//!
//! Texts in, texts out; only `files` reads and writes. What a client runs is never allowed here: no permission rule is written, since a rule
//! for `fleetvault-resolver run` would let every command with a reference through.

mod command;
mod error;
mod files;
mod json;
mod place;
mod script;
mod toml;

pub use command::{Launch, PROGRAM};
pub use error::{InstallError, Problem};
pub use files::{ConfigFile, Written};
pub use json::{Removed, SERVER};
pub use place::{Directories, Scope};

use std::path::PathBuf;

use crate::agent::Client;
use json::Spot;

/// Is one of the two things that a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The hook before each tool call.
    Hook,
    /// The MCP server.
    Mcp,
}

/// Is what a client gets in one of its files: a snippet of `hooks/agents`, which is what a user would copy by hand.
#[derive(Clone, Copy, Debug)]
pub struct Snippet {
    client: Client,
    part: Part,
    text: &'static str,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Json(Spot),
    Toml,
    Script,
}

macro_rules! snippet {
    ($path:literal) => {
        include_str!(concat!("../../../hooks/agents/", $path))
    };
}

impl Snippet {
    /// Returns what this client gets for a part.
    pub fn of(client: Client, part: Part) -> Self {
        use Client::{ClaudeCode, Codex, Copilot, Cursor, Gemini, Opencode};

        let handler = |path| Form::Json(Spot::Handler(path));
        let server = |path| Form::Json(Spot::Server(path, None));
        let (text, form) = match (client, part) {
            (ClaudeCode, Part::Hook) => (snippet!("claude-code/settings.json"), handler(&["hooks", "PreToolUse"])),
            (ClaudeCode, Part::Mcp) => (snippet!("claude-code/mcp.json"), server(&["mcpServers"])),
            (Codex, Part::Hook) => (snippet!("codex/hooks.json"), handler(&["hooks", "PreToolUse"])),
            (Codex, Part::Mcp) => (snippet!("codex/config.toml"), Form::Toml),
            (Gemini, Part::Hook) => (snippet!("gemini/settings.json"), handler(&["hooks", "BeforeTool"])),
            (Gemini, Part::Mcp) => (snippet!("gemini/settings.json"), server(&["mcpServers"])),
            (Copilot, Part::Hook) => (snippet!("copilot/fleetvault.json"), handler(&["hooks", "preToolUse"])),
            (Copilot, Part::Mcp) => (snippet!("copilot/mcp.json"), server(&["mcpServers"])),
            (Cursor, Part::Hook) => (snippet!("cursor/hooks.json"), handler(&["hooks", "preToolUse"])),
            (Cursor, Part::Mcp) => (snippet!("cursor/mcp.json"), server(&["mcpServers"])),
            (Opencode, Part::Hook) => (snippet!("opencode/fleetvault.js"), Form::Script),
            (Opencode, Part::Mcp) => {
                let spot = Spot::Server(&["mcp"], Some(&["mcp", "servers"]));
                (snippet!("opencode/opencode.json"), Form::Json(spot))
            }
        };
        Self {
            client,
            part,
            text,
            form,
        }
    }

    /// Returns the part that it is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Returns the file that it belongs to: one that is there, else the one to make.
    pub fn path(&self, directories: &Directories) -> PathBuf {
        let mut candidates = self.paths(directories);
        let there = candidates.iter().position(|path| path.symlink_metadata().is_ok());
        candidates.swap_remove(there.unwrap_or(0))
    }

    /// Returns all files that it may be found in; never none.
    pub fn paths(&self, directories: &Directories) -> Vec<PathBuf> {
        directories.candidates(self.client, self.part)
    }

    /// Merges it into the text of a file, which may be empty. What others wrote there keeps its bytes; an older entry of ours is replaced.
    /// Merged twice is merged once.
    ///
    /// # Errors
    /// A text that is not in the file's format, or has something else where ours belongs.
    pub fn merge(&self, text: &str, launch: &Launch) -> Result<String, Problem> {
        let subcommand = self.subcommand();
        match self.form {
            Form::Json(spot) => json::merge(text, self.text, spot, &subcommand, launch),
            Form::Toml => toml::merge(text, self.text, &subcommand, launch),
            Form::Script => script::merge(text, self.text, &subcommand, launch),
        }
    }

    /// Takes it out of the text of a file, whatever its path and options are; returns nothing where it is not there.
    ///
    /// # Errors
    /// A text that is not in the file's format, or has something else where ours belongs.
    pub fn remove(&self, text: &str) -> Result<Option<Removed>, Problem> {
        let subcommand = self.subcommand();
        match self.form {
            Form::Json(spot) => json::remove(text, spot, &subcommand),
            Form::Toml => toml::remove(text, &subcommand),
            Form::Script => Ok(script::remove(text, &subcommand)),
        }
    }

    fn subcommand(&self) -> Vec<&'static str> {
        match self.part {
            Part::Hook => vec!["hook", self.client.name()],
            Part::Mcp => vec!["mcp"],
        }
    }
}

#[cfg(test)]
mod tests;
