//! Where a client runs, and so where its rules are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where a client runs, as far as it decides which rules hold.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The directory of the call; absolute.
    pub directory: PathBuf,
    /// The variables of [`VARIABLES`] that are set.
    pub variables: BTreeMap<&'static str, PathBuf>,
}

/// The variables that say where rules are.
pub const VARIABLES: [&str; 10] = [
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_PROJECT_DIR",
    "CODEX_HOME",
    "CURSOR_CONFIG_DIR",
    "GEMINI_CLI_HOME",
    "GEMINI_CLI_SYSTEM_DEFAULTS_PATH",
    "GEMINI_CLI_SYSTEM_SETTINGS_PATH",
    "GEMINI_PROJECT_DIR",
    "OPENCODE_CONFIG",
    "XDG_CONFIG_HOME",
];

impl Surroundings {
    pub(super) fn variable(&self, name: &str) -> Option<&PathBuf> {
        self.variables.get(name)
    }

    /// A directory that a variable moves, or one below home.
    pub(super) fn moved(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let usual = || self.home.as_ref().map(|home| home.join(below_home));
        self.variable(variable).cloned().or_else(usual)
    }

    /// The directory of the call and those above it, up to the top of its work tree; that one alone where there is none.
    pub(super) fn up_to_the_top(&self) -> Vec<&Path> {
        let all: Vec<&Path> = self.directory.ancestors().collect();
        match all.iter().position(|directory| directory.join(".git").exists()) {
            Some(top) => all[..=top].to_vec(),
            None => all[..1].to_vec(),
        }
    }
}
