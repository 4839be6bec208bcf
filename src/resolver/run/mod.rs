//! Running a command that uses credentials, without showing them to whoever asked for it.
//!
//! A command is first [`Wanted`]: templates in its arguments, variables, files and standard input. Once the values are there it is a
//! [`Ready`] one, which is started directly (no shell in between, but where a shell line was asked for), in a process group of its own.
//! All that it prints goes through the masker. Never opens a credential, and never decides whether one may be used.

#[cfg(unix)]
mod child;
mod command;
mod env_file;
mod error;
mod files;
mod network;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod stop;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod system;
mod templates;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod watch;

pub use command::{Action, Wanted, quoted_line, readable};
pub use env_file::{ENV_FILE, EnvFile, EnvFileError, check_name};
pub use error::{ARGUMENT_MAX, RunError};
pub use files::TemporaryFiles;
pub use network::NetworkAccess;
pub use templates::{FileTemplate, Ready, Shell, Templates};
#[cfg(unix)]
pub use {
    child::run,
    signals::HeldSignals,
    start::{Input, Job},
    stop::{Control, Stop},
    supervisor::Ended,
    system::{close_on_exec, inherited},
};
