//! What the launch allows.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

use super::allowed::AllowedCommands;
use crate::resolver::{WritableDirectories, run::Shell};

/// What the launch allows.
pub struct Options {
    /// Whether there are tools that give values away.
    pub reveal: bool,
    /// Where files may be written.
    pub writable: WritableDirectories,
    /// Which commands may be run.
    pub allowed: AllowedCommands,
    /// Which variables a command may be given, where commands are narrowed.
    pub allowed_env: BTreeSet<String>,
    /// Where commands run; absolute.
    pub directory: PathBuf,
    /// The shell for shell lines.
    pub shell: Shell,
    /// How long a command may take.
    pub timeout: Duration,
    /// How much is told of what a command prints, in bytes for each stream.
    pub output_max: usize,
    /// Whether a command without the network may reach local daemons.
    pub allow_unix: bool,
    /// Ends the commands when it is cancelled.
    pub shutdown: CancellationToken,
}
