//! The resolver's configuration: the administrator's file, which nothing overrides, and the user's. Never one of a repository.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Failure, Settings};
use crate::{
    resolver::policy::{Configuration, Policy},
    terminal::report::Report,
};

/// The administrator's configuration of every resolver on this machine.
pub const SYSTEM: &str = "/etc/fleetvault/resolver.toml";

/// Reads both files and puts them together with what a launch says: a hook in place of the user's, an audit log in place of the user's.
///
/// # Errors
/// A file that cannot be read, or has something in it that is not understood: it may have been meant to forbid what would be allowed then.
pub fn policy(settings: &Settings, hook: Option<PathBuf>, audit_log: Option<PathBuf>) -> Result<Policy, Failure> {
    let system = read(Path::new(SYSTEM))?;
    let user = match &settings.config {
        Some(directory) => read(&directory.join("resolver.toml"))?,
        None => Configuration::default(),
    };
    if let (Some(fixed), Some(asked)) = (system.audit_log(), &audit_log)
        && fixed != asked
    {
        let message = format!(
            "the audit log is {}, as {SYSTEM} says, which nothing overrides",
            fixed.display()
        );
        return Err(Report::new(7, "configuration", message)
            .hint("leave out --audit-log")
            .into());
    }
    Policy::new(&system, &user, hook, audit_log)
        .map_err(|error| Report::new(1, "configuration", error.to_string()).into())
}

fn read(path: &Path) -> Result<Configuration, Failure> {
    let text = match fs::read_to_string(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Configuration::default());
        }
        Err(error) => return Err(broken(path, &error.to_string()).into()),
        Ok(text) => text,
    };
    Configuration::parse(&text).map_err(|error| broken(path, &error.to_string()).into())
}

fn broken(path: &Path, reason: &str) -> Report {
    Report::new(1, "configuration", format!("cannot use {}: {reason}", path.display()))
        .hint("nothing is resolved before it is mended: it may forbid what is asked")
}
