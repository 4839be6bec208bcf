//! Where a person's keys, configuration and state are, by the XDG rules.

use std::{env, path::PathBuf};

/// The directories of this user.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `$XDG_CONFIG_HOME/fleetvault`, where keys are.
    pub config: Option<PathBuf>,
    /// `$XDG_STATE_HOME/fleetvault`, where floors and known vaults are remembered.
    pub state: Option<PathBuf>,
}

impl Settings {
    /// Reads the environment.
    pub fn from_environment() -> Self {
        let directory = |variable: &str, below_home: &str| {
            // A relative path would be another place for every working directory; the XDG rules say to ignore it.
            let absolute = |path: PathBuf| path.is_absolute().then_some(path);
            env::var_os(variable)
                .map(PathBuf::from)
                .and_then(absolute)
                .or_else(|| env::home_dir().and_then(absolute).map(|home| home.join(below_home)))
                .map(|base| base.join("fleetvault"))
        };
        Self {
            config: directory("XDG_CONFIG_HOME", ".config"),
            state: directory("XDG_STATE_HOME", ".local/state"),
        }
    }

    /// A person's own identity file.
    pub fn identity(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|config| config.join("identity.txt"))
    }

    /// A person's own signing key.
    pub fn signing_key(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|config| config.join("signing_key"))
    }
}
