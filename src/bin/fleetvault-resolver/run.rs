//! `run`: a command that uses credentials, whose output is masked. Refuses with 125, whatever the reason; else the exit code is the command's.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgGroup, Args};
use fleetvault::{
    cli::{Failure, approval, time},
    resolver::{
        Permitted,
        policy::{Purpose, duration},
        run::{
            Action, EnvFile, FileTemplate, NetworkAccess, Ready, RunError, Shell, Wanted, check_name, quoted_line,
            readable,
        },
    },
    terminal::report::Report,
};
use vault_format::Network;

use crate::{
    approve,
    launch::{LaunchArgs, Opened, Use, warn},
    mask::masker,
};

/// The exit code of a refusal, as of `env` and of container tools: the command was not run.
pub const REFUSED: u8 = 125;

/// The exit code where the program cannot be run, as of shells.
pub const NOT_RUNNABLE: u8 = 126;

/// The exit code where there is no such program, as of shells.
pub const NOT_FOUND: u8 = 127;

/// The exit code where the time was up, as of `timeout`.
const TIMED_OUT: u8 = 124;

/// Below this a value is guessed rather than masked, in bytes.
const SHORT: usize = 8;

/// The largest template of a file, in bytes.
const TEMPLATE_MAX: u64 = 64 << 20;

#[derive(Args)]
#[command(
    group(ArgGroup::new("what").required(true).args(["shell", "command"])),
    after_help = "All of it are templates: arguments, variables, files, standard input.\n\
        The command is started directly; --shell starts a shell, in which a value is\n\
        always one word and never code. Values in what it prints are masked.\n\n\
        EXIT CODES:\n  \
          that of the command; 128+N where signal N ended it\n  \
          124 its time was up   125 refused, nothing was run (--json tells why)\n  \
          126 it cannot be run  127 it was not found\n  \
          1 it ran, and what it prints could not be written\n\n\
        EXAMPLES:\n  \
          fleetvault-resolver run -- curl -H 'X-Token: <<secure.token>>' https://api.example\n  \
          fleetvault-resolver run --env 'PGPASSWORD=<<secure.prod/db/password>>' -- psql\n  \
          fleetvault-resolver run --file app.yaml:app.resolved.yaml -- ./app"
)]
pub struct RunArgs {
    /// Set a variable for the command
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Set the variables that this file names, lines NAME=TEMPLATE; '.fleetvault.env' is also found in the directories above
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Make a file for the command from a template, with mode 0600, and remove it afterwards
    #[arg(long, value_name = "TEMPLATE_FILE:DEST", value_parser = file_pair)]
    file: Vec<(PathBuf, PathBuf)>,
    /// Give the command this on standard input
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "tty")]
    stdin: Option<String>,
    /// Run this line in a shell
    #[arg(long, value_name = "LINE")]
    shell: Option<String>,
    /// The shell for --shell: sh, dash or bash, by name or by path
    #[arg(long, value_name = "SHELL", default_value = "sh", value_parser = Shell::parse)]
    shell_program: Shell,
    /// Give the command a terminal, so that interactive programs work; their output is masked too
    #[arg(long)]
    tty: bool,
    /// Run the command in this directory; other relative paths are not affected
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// End the command and its process group after this time: 30s, 5m
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<Duration>,
    /// Let a command without the network reach local daemons, which may have it
    #[arg(long)]
    allow_unix: bool,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    command: Vec<OsString>,
}

pub fn run(args: &RunArgs, launch: &LaunchArgs) -> Result<u8, Failure> {
    let wanted = args.wanted()?;
    let templates = wanted.templates()?;
    if let Some(directory) = &args.cwd {
        check_directory(directory)?;
    }
    let (words, with) = (wanted.words(), args.with(&wanted));
    let wanted_use = Use {
        purpose: Purpose::Run,
        command: &words,
        with: &with,
    };
    let names = templates.names().into_iter().cloned().collect();
    let opened = launch.open(
        time::now(),
        &wanted_use,
        |_| Ok(names),
        |permitted, policy, question| {
            let line = [quoted_line(&words)];
            approve::confirm(permitted, policy, question, &[&line[..], &with].concat())
        },
    )?;
    warn_of_short_values(&opened);
    let command = templates.render(&opened.values)?;
    start(args, command, opened)
}

/// Makes the files, runs the command to its end, and removes them.
#[cfg(unix)]
fn start(args: &RunArgs, mut command: Ready, opened: Opened) -> Result<u8, Failure> {
    use fleetvault::resolver::run::{Control, Ended, HeldSignals, Input, Job, TemporaryFiles, close_on_exec, run};

    let masker = masker(&opened);
    for (name, text) in &command.filtered {
        masker.add(name.as_str(), text);
    }
    let system = |what| move |error| RunError::System { what, error };
    close_on_exec().map_err(system("close what was inherited"))?;
    // From here on no signal that can be caught ends this process before the files are gone, but for the real-time ones.
    let signals = HeldSignals::hold().map_err(system("handle signals"))?;
    let mut files = TemporaryFiles::default();
    for (path, contents) in command.files.drain(..) {
        files
            .make(&path, &contents)
            .map_err(|error| RunError::File { path, error })?;
    }
    let job = Job {
        command,
        directory: args.cwd.clone(),
        timeout: args.timeout,
        tty: args.tty,
        network: network(&opened.permitted, args.allow_unix),
        input: Input::Ours,
    };
    // What is still needed of the values is in the command and in the masker.
    drop(opened);
    let ended = run(job, &masker, Control::Signals(signals), io::stdout(), io::stderr());
    for path in files.remove() {
        warn(&format!(
            "{} was left: it is no longer the file that was made for the command, or cannot be removed; it may hold a value",
            path.display()
        ));
    }
    Ok(match ended? {
        Ended::Code(code) => u8::try_from(code).unwrap_or(1),
        Ended::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        Ended::TimedOut | Ended::Stopped => {
            let limit = args.timeout.unwrap_or_default();
            warn(&format!(
                "the command took longer than {} s and was ended",
                limit.as_secs_f64()
            ));
            TIMED_OUT
        }
    })
}

/// Elsewhere a child cannot be kept from what it must not have.
#[cfg(not(unix))]
fn start(_: &RunArgs, _: Ready, _: Opened) -> Result<u8, Failure> {
    Err(Report::new(1, "unsupported", "'run' works on Unix systems only").into())
}

impl RunArgs {
    fn wanted(&self) -> Result<Wanted, Failure> {
        let mut env = Vec::new();
        for file in &self.env_file {
            env.extend(EnvFile::read(file).map_err(RunError::from)?.0);
        }
        env.extend(
            self.env
                .iter()
                .map(|(name, text)| (name.clone(), text.clone().into_bytes())),
        );
        let read = |(from, to): &(PathBuf, PathBuf)| {
            Ok(FileTemplate {
                text: template(from)?,
                from: from.clone(),
                to: to.clone(),
            })
        };
        let bytes = |word: &OsString| word.as_encoded_bytes().to_vec();
        Ok(Wanted {
            action: match &self.shell {
                Some(line) => Action::Shell {
                    shell: self.shell_program.clone(),
                    line: line.clone().into_bytes(),
                },
                None => Action::Direct(self.command.iter().map(bytes).collect()),
            },
            env,
            files: self.file.iter().map(read).collect::<Result<_, Failure>>()?,
            stdin: self.stdin.as_ref().map(|text| text.clone().into_bytes()),
        })
    }

    /// What the command gets beside its arguments. A person who agrees sees all of it; nothing is cut short.
    fn with(&self, wanted: &Wanted) -> Vec<String> {
        let path = |path: &PathBuf| readable(path.as_os_str().as_encoded_bytes());
        let env = wanted
            .env
            .iter()
            .map(|(name, value)| format!("with the variable {name}={}", readable(value)));
        let file = |file: &FileTemplate| format!("with the file {}, made from {}", path(&file.to), path(&file.from));
        let stdin = wanted
            .stdin
            .iter()
            .map(|input| format!("with standard input: {}", readable(input)));
        let directory = self.cwd.iter().map(|directory| format!("in {}", path(directory)));
        env.chain(wanted.files.iter().map(file))
            .chain(stdin)
            .chain(directory)
            .collect()
    }
}

fn network(permitted: &[Permitted], local: bool) -> NetworkAccess {
    match approval::with(permitted, Network::Deny).is_empty() {
        true => NetworkAccess::Open,
        false => NetworkAccess::Denied { local },
    }
}

fn warn_of_short_values(opened: &Opened) {
    for (name, value) in &opened.values {
        if value.expose().len() < SHORT {
            warn(&format!(
                "the value of '{name}' has less than {SHORT} bytes: it is easily guessed, and masking it may hide other text"
            ));
        }
    }
}

fn check_directory(directory: &PathBuf) -> Result<(), Failure> {
    let failed = |error| RunError::Directory {
        path: directory.clone(),
        error,
    };
    match std::fs::metadata(directory).map_err(failed)?.is_dir() {
        true => Ok(()),
        false => Err(failed(io::ErrorKind::NotADirectory.into()).into()),
    }
}

fn template(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let cannot =
        |error: &dyn std::fmt::Display| Report::new(1, "io", format!("cannot read {}: {error}", path.display()));
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| cannot(&error))?;
    file.take(TEMPLATE_MAX + 1)
        .read_to_end(&mut text)
        .map_err(|error| cannot(&error))?;
    match text.len() as u64 > TEMPLATE_MAX {
        true => Err(cannot(&"it is larger than 64 MiB").into()),
        false => Ok(text),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=TEMPLATE")?;
    check_name(name)?;
    Ok((name.into(), value.into()))
}

fn file_pair(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.rsplit_once(':') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.into(), to.into())),
        _ => Err("expected TEMPLATE_FILE:DEST".into()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "expected a time such as 30s or 5m".into())
}
