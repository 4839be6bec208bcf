//! `mcp`: a server for one agent, on standard input and output.

use std::{
    collections::BTreeSet,
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use clap::Args;
use fleetvault::{
    agent::mcp::{AllowedCommands, Lost, Options, serve},
    cli::{Asking, Failure, Settings},
    resolver::{
        WritableDirectories,
        policy::duration,
        run::{Shell, check_name},
    },
    terminal::report::Report,
};

use crate::launch::{LaunchArgs, say_what_is_not_kept};

/// The least that is told of what a command prints, in bytes.
const OUTPUT_MIN: usize = 1 << 10;

#[derive(Args)]
#[command(
    after_help = "Tools: list_credentials, check_template, run_command; with --reveal also resolve_template\n\
        and render_file, which give values away and are for programs that are no models.\n\
        The member, the vault and the working directory are fixed here; no request can name others.\n\n\
        EXAMPLES:\n  \
          fleetvault-resolver --identity dev.txt mcp\n  \
          fleetvault-resolver mcp --allow-command 'gh' --allow-command 'git push'\n  \
          fleetvault-resolver install claude-code      puts it into the client's configuration"
)]
pub struct McpArgs {
    /// Offer the tools that give values away
    #[arg(long)]
    reveal: bool,
    /// Let render_file write into this directory; again for more
    #[arg(long, value_name = "DIR", requires = "reveal")]
    allow_write: Vec<PathBuf>,
    /// Run only commands that begin with these words ('git push', 'curl -H *'), and no shell lines; again for more
    #[arg(long, value_name = "WORDS")]
    allow_command: Vec<String>,
    /// Let commands be given this variable, where --allow-command narrows them; again for more
    #[arg(long, value_name = "NAME", value_parser = name, requires = "allow_command")]
    allow_env: Vec<String>,
    /// Run commands in this directory [default: the current one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// The shell for shell lines: sh, dash or bash, by name or by path
    #[arg(long, value_name = "SHELL", default_value = "sh", value_parser = Shell::parse)]
    shell_program: Shell,
    /// End a command and its process group after this time
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = timeout)]
    timeout: Duration,
    /// Tell at most this many bytes of each of a command's streams
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 10, value_parser = output_max)]
    max_output: usize,
    /// Let a command without the network reach local daemons, which may have it
    #[arg(long)]
    allow_unix: bool,
}

pub fn run(args: &McpArgs, launch: &mut LaunchArgs) -> Result<(), Failure> {
    launch.asking = Asking::IfHeard;
    let settings = Settings::from_environment();
    let options = args.options()?;
    let policy = launch.policy(&settings)?;
    let launch = launch.launch(&settings)?;
    let (floors, log) = (AtomicBool::new(false), AtomicBool::new(false));
    // Each is said once: nothing changes from one request to the next.
    let lost = move |lost: &Lost| match lost {
        Lost::Floors(_) if floors.swap(true, Ordering::Relaxed) => {}
        Lost::Log(_) if log.swap(true, Ordering::Relaxed) => {}
        Lost::Floors(reason) => say_what_is_not_kept(Some(reason.clone()), None),
        Lost::Log(reason) => say_what_is_not_kept(None, Some(reason.clone())),
    };
    serve(launch, policy, settings, options, lost)
}

impl McpArgs {
    fn options(&self) -> Result<Options, Failure> {
        let mut writable = WritableDirectories::default();
        for directory in &self.allow_write {
            writable.add(directory).map_err(|error| {
                Report::new(
                    1,
                    "io",
                    format!("cannot let files be written in {}: {error}", directory.display()),
                )
            })?;
        }
        let mut allowed = AllowedCommands::default();
        for words in &self.allow_command {
            allowed
                .add(words)
                .map_err(|error| Report::new(2, "usage", format!("--allow-command: {error}")))?;
        }
        let directory = self.cwd.clone().unwrap_or_else(|| PathBuf::from("."));
        let directory = directory
            .canonicalize()
            .and_then(|path| match path.is_dir() {
                true => Ok(path),
                false => Err(io::ErrorKind::NotADirectory.into()),
            })
            .map_err(|error| {
                Report::new(
                    1,
                    "io",
                    format!("cannot run commands in {}: {error}", directory.display()),
                )
            })?;
        Ok(Options {
            reveal: self.reveal,
            writable,
            allowed,
            allowed_env: BTreeSet::from_iter(self.allow_env.iter().cloned()),
            directory,
            shell: self.shell_program.clone(),
            timeout: self.timeout,
            output_max: self.max_output,
            allow_unix: self.allow_unix,
            shutdown: Default::default(),
        })
    }
}

fn name(text: &str) -> Result<String, String> {
    check_name(text)?;
    Ok(text.into())
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "expected a time such as 30s or 5m".into())
}

fn output_max(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if bytes >= OUTPUT_MIN => Ok(bytes),
        _ => Err(format!("expected a number of bytes, {OUTPUT_MIN} at least")),
    }
}
