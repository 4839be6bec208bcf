//! The agent clients that are known here, by the names they go by on the command line.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Is a program that runs an agent, with a hook before each tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// Claude Code.
    ClaudeCode,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// GitHub Copilot CLI.
    Copilot,
    /// Cursor.
    Cursor,
    /// opencode.
    Opencode,
}

/// Is a name that no client has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no client is called '{0}'; there are claude-code, codex, gemini, copilot, cursor and opencode")]
pub struct UnknownClient(pub String);

impl Client {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ClaudeCode,
        Self::Codex,
        Self::Gemini,
        Self::Copilot,
        Self::Cursor,
        Self::Opencode,
    ];

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Copilot => "copilot",
            Self::Cursor => "cursor",
            Self::Opencode => "opencode",
        }
    }

    /// Returns its name as its makers write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::Copilot => "GitHub Copilot CLI",
            Self::Cursor => "Cursor",
            Self::Opencode => "opencode",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Client {
    type Err = UnknownClient;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|client| client.name() == text);
        named.ok_or_else(|| UnknownClient(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_read_back_from_its_name() {
        for client in Client::ALL {
            assert_eq!(client.to_string().parse(), Ok(client));
        }
    }

    #[test]
    fn an_unknown_name_is_told_which_there_are() {
        let error = "claude".parse::<Client>().unwrap_err();
        let names = Client::ALL.map(Client::name);
        assert!(names.iter().all(|name| error.to_string().contains(name)), "{error}");
    }
}
