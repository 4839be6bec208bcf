//! Where each client has its configuration.

use std::path::{Path, PathBuf};

use super::Part;
use crate::agent::Client;

/// Is for whom something is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For one project: in its work tree.
    Project,
    /// For this user, in all projects.
    User,
}

/// Is the directories that the files of a scope are in.
#[derive(Clone, Debug)]
pub struct Directories {
    scope: Scope,
    base: PathBuf,
    own: Option<PathBuf>,
}

impl Directories {
    /// Takes the top of a project.
    pub fn of_project(top: PathBuf) -> Self {
        Self {
            scope: Scope::Project,
            base: top,
            own: None,
        }
    }

    /// Takes a home directory, and the one that the client's own variable names.
    pub fn of_user(home: PathBuf, own: Option<PathBuf>) -> Self {
        Self {
            scope: Scope::User,
            base: home,
            own,
        }
    }

    /// Returns the variable with which a user moves a client's configuration.
    pub fn variable(client: Client) -> Option<&'static str> {
        match client {
            Client::ClaudeCode => Some("CLAUDE_CONFIG_DIR"),
            Client::Codex => Some("CODEX_HOME"),
            Client::Gemini => Some("GEMINI_CLI_HOME"),
            Client::Copilot => Some("COPILOT_HOME"),
            Client::Cursor => None,
            Client::Opencode => Some("XDG_CONFIG_HOME"),
        }
    }

    /// Returns the scope.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the directory that no file may lie outside of, where there is one.
    pub fn boundary(&self) -> Option<&Path> {
        (self.scope == Scope::Project).then_some(&self.base)
    }

    /// Returns the files that a part may stand in. Where none is there, the first is to be made.
    pub(super) fn candidates(&self, client: Client, part: Part) -> Vec<PathBuf> {
        let names: &[&str] = match (client, part) {
            (Client::ClaudeCode, Part::Hook) => &["settings.json"],
            (Client::ClaudeCode, Part::Mcp) => return vec![self.servers_of_claude_code()],
            (Client::Codex, Part::Hook) => &["hooks.json"],
            (Client::Codex, Part::Mcp) => &["config.toml"],
            (Client::Gemini, _) => &["settings.json"],
            (Client::Copilot, Part::Hook) => &["hooks/fleetvault.json"],
            (Client::Copilot, Part::Mcp) => match self.scope {
                Scope::Project => &["mcp.json"],
                Scope::User => &["mcp-config.json"],
            },
            (Client::Cursor, Part::Hook) => &["hooks.json"],
            (Client::Cursor, Part::Mcp) => &["mcp.json"],
            (Client::Opencode, Part::Hook) => &["plugins/fleetvault.js"],
            (Client::Opencode, Part::Mcp) => {
                let directory = match self.scope {
                    Scope::Project => self.base.clone(),
                    Scope::User => self.directory(client),
                };
                return ["opencode.json", "opencode.jsonc"]
                    .map(|name| directory.join(name))
                    .into();
            }
        };
        names.iter().map(|name| self.directory(client).join(name)).collect()
    }

    fn directory(&self, client: Client) -> PathBuf {
        let below = match (client, self.scope) {
            (Client::ClaudeCode, _) => ".claude",
            (Client::Codex, _) => ".codex",
            (Client::Gemini, _) => ".gemini",
            (Client::Copilot, Scope::Project) => ".github",
            (Client::Copilot, Scope::User) => ".copilot",
            (Client::Cursor, _) => ".cursor",
            (Client::Opencode, Scope::Project) => ".opencode",
            (Client::Opencode, Scope::User) => ".config/opencode",
        };
        match &self.own {
            // These variables name what the directory is in, the others the directory itself.
            Some(own) if client == Client::Gemini => own.join(below),
            Some(own) if client == Client::Opencode => own.join("opencode"),
            Some(own) => own.clone(),
            None => self.base.join(below),
        }
    }

    fn servers_of_claude_code(&self) -> PathBuf {
        match (self.scope, &self.own) {
            (Scope::Project, _) => self.base.join(".mcp.json"),
            (Scope::User, Some(own)) => own.join(".claude.json"),
            (Scope::User, None) => self.base.join(".claude.json"),
        }
    }
}
