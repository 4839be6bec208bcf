//! A command as it is started: what it inherits, and whether it has a terminal or the network.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::FileTypeExt, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use pty_process::{Size, blocking::Pty};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{NetworkAccess, Ready, RunError, error::system, network, readable, terminal};
use crate::resolver::shell;

/// What fails where the system has no thread left.
pub(super) const START_THREAD: &str = "start a thread";

/// How a command is to be run.
pub struct Job {
    /// What is run.
    pub command: Ready,
    /// Where; else in our own directory.
    pub directory: Option<PathBuf>,
    /// After which time it is ended.
    pub timeout: Option<Duration>,
    /// Whether it gets a pseudo-terminal.
    pub tty: bool,
    /// Whether it gets the network.
    pub network: NetworkAccess,
    /// What it reads where it has no text of its own.
    pub input: Input,
}

/// What a command reads on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// What we would.
    Ours,
    /// Nothing: what we read is not for it.
    Nothing,
}

impl Job {
    fn command(&self) -> Command {
        let words = &self.command.argv;
        let word = |index: usize| OsStr::from_bytes(words.get(index).map_or(&[], |word| word.as_slice()));
        let mut command = Command::new(word(0));
        command.args((1..words.len()).map(word));
        let inherited = || std::env::vars_os().map(|(name, _)| name);
        for name in inherited().filter(|name| is_setting(name)) {
            command.env_remove(name);
        }
        if self.command.binds {
            for name in inherited().filter(|name| shell::is_scrubbed(name.as_encoded_bytes())) {
                command.env_remove(name);
            }
        }
        for (name, value) in &self.command.env {
            command.env(name, OsStr::from_bytes(value));
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Runs something that starts the child in a thread that is filtered first, where the network is denied: the filter is inherited, and
    /// holds for no other thread.
    fn spawn<T: Send>(&self, start: impl FnOnce() -> io::Result<T> + Send) -> Result<T, RunError> {
        let failed = |error| RunError::Start {
            program: readable(self.command.argv.first().map_or(&[], |word| word.as_slice())),
            error,
        };
        let NetworkAccess::Denied { local } = self.network else {
            return start().map_err(failed);
        };
        let filtered = || {
            network::deny_for_this_thread(local).map_err(RunError::Network)?;
            start().map_err(failed)
        };
        thread::scope(|scope| {
            let filtering = thread::Builder::new()
                .spawn_scoped(scope, filtered)
                .map_err(system(START_THREAD))?;
            match filtering.join() {
                Ok(started) => started,
                Err(_) => Err(RunError::Network("the thread that starts the command died".into())),
            }
        })
    }
}

pub(super) fn start(job: &Job) -> Result<Child, RunError> {
    let mut command = job.command();
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A socket that we were given is a way to the network that no filter sees.
    let carries_network = job.network != NetworkAccess::Open && is_socket(io::stdin());
    command.stdin(match job.input {
        _ if job.command.stdin.is_some() => Stdio::piped(),
        Input::Nothing => Stdio::null(),
        Input::Ours if carries_network => Stdio::piped(),
        Input::Ours => Stdio::inherit(),
    });
    job.spawn(|| command.spawn())
}

pub(super) fn start_on_terminal(job: &Job, raw: Option<&terminal::Raw>) -> Result<(Pty, Child), RunError> {
    let open = || -> pty_process::Result<_> {
        let (pty, pts) = pty_process::blocking::open()?;
        resize(&pty);
        Ok((pty, pts))
    };
    let (pty, pts) = open().map_err(io_of).map_err(system("open a pseudo-terminal"))?;
    let modes = match raw {
        Some(raw) => Ok(raw.before().clone()),
        // Nobody types: what is fed in is not to be shown again.
        None => tcgetattr(&pts).map(|mut modes| {
            modes.local_modes &= !LocalModes::ECHO;
            modes
        }),
    };
    modes
        .and_then(|modes| tcsetattr(&pts, OptionalActions::Now, &modes))
        .map_err(|error| system("set the pseudo-terminal")(error.into()))?;
    let command = pty_process::blocking::Command::from(job.command());
    let child = job.spawn(move || command.spawn(pts).map_err(io_of))?;
    Ok((pty, child))
}

/// Tells whether a variable is one of the resolver's own settings, which no command inherits.
fn is_setting(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"FLEETVAULT_")
}

pub(super) fn resize(pty: &Pty) {
    let (rows, columns) = terminal::size();
    // A program that learns a wrong size draws less well.
    let _ = pty.resize(Size::new(rows, columns));
}

fn is_socket(descriptor: impl AsFd) -> bool {
    let file = descriptor
        .as_fd()
        .try_clone_to_owned()
        .map(|owned: OwnedFd| File::from(owned).metadata());
    file.flatten().is_ok_and(|meta| meta.file_type().is_socket())
}

fn io_of(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
    }
}
