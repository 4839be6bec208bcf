//! What `install` and `uninstall` share: for which client, where, and how it is said what became of its files.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use fleetvault::{
    agent::{
        Client,
        install::{Directories, Part, Scope, Written},
    },
    cli::Failure,
    say,
    terminal::{escape, escape_json, report::Report},
};
use serde::Serialize;

// No doc comment: it would stand in the help in place of the command's own.
#[derive(Args)]
pub struct ClientArgs {
    /// The client that runs the agent
    #[arg(value_parser = PossibleValuesParser::new(Client::ALL.map(Client::name)).try_map(|name| name.parse::<Client>()))]
    pub client: Client,
    /// In the project: the git work tree around this directory, or the directory itself [default]
    #[arg(long, conflicts_with = "user")]
    project: bool,
    /// In your home directory: for all projects, wherever the client is started
    #[arg(long)]
    user: bool,
}

impl ClientArgs {
    /// Finds the directories that the client's files are in.
    pub fn directories(&self) -> Result<Directories, Failure> {
        if !self.user {
            let here = env::current_dir().map_err(|error| io("find the current directory", &error))?;
            return Ok(Directories::of_project(top_of(&here).to_owned()));
        }
        let home = env::home_dir().filter(|home| home.is_absolute()).ok_or_else(|| {
            Report::new(
                1,
                "io",
                "there is no home directory to look for a client's configuration",
            )
            .hint("set HOME, or install with --project")
        })?;
        let own = Directories::variable(self.client)
            .and_then(env::var_os)
            .filter(|own| !own.is_empty())
            .map(std::path::absolute)
            .transpose()
            .map_err(|error| io("find the client's directory", &error))?;
        Ok(Directories::of_user(home, own))
    }
}

/// The top of the work tree around a directory.
fn top_of(here: &Path) -> &Path {
    here.ancestors()
        .find(|directory| directory.join(".git").symlink_metadata().is_ok())
        .unwrap_or(here)
}

fn io(what: &str, error: &std::io::Error) -> Report {
    Report::new(1, "io", format!("cannot {what}: {error}"))
}

/// What became of one file.
pub struct Outcome {
    pub path: PathBuf,
    pub parts: Vec<Part>,
    pub written: Written,
}

#[derive(Serialize)]
struct Listed<'o> {
    path: &'o Path,
    change: &'static str,
    backup: Option<&'o Path>,
}

#[derive(Serialize)]
struct Files<'o> {
    files: Vec<Listed<'o>>,
}

/// Says what became of the files: a line each, or as JSON.
pub fn say_outcomes(outcomes: &[Outcome], json: bool) -> Result<(), Failure> {
    if json {
        let files = outcomes.iter().map(Outcome::listed).collect();
        let text = serde_json::to_string(&Files { files }).map_err(|error| io("write the list", &error.into()))?;
        say!("{}", escape_json(&text));
        return Ok(());
    }
    for outcome in outcomes {
        let listed = outcome.listed();
        let parts: Vec<&str> = outcome.parts.iter().map(|part| named(*part)).collect();
        let backup = listed.backup.map_or(String::new(), |backup| {
            format!("; backup {}", escape(&backup.display().to_string()))
        });
        say!(
            "{} {} ({}){backup}",
            listed.change,
            escape(&outcome.path.display().to_string()),
            parts.join(", ")
        );
    }
    Ok(())
}

impl Outcome {
    fn listed(&self) -> Listed<'_> {
        let (change, backup) = match &self.written {
            Written::Created => ("created", None),
            Written::Changed(backup) => ("changed", Some(backup.as_path())),
            Written::Removed(backup) => ("removed", Some(backup.as_path())),
            Written::Unchanged => ("unchanged", None),
        };
        Listed {
            path: &self.path,
            change,
            backup,
        }
    }
}

fn named(part: Part) -> &'static str {
    match part {
        Part::Hook => "hook",
        Part::Mcp => "MCP server",
    }
}

/// Tells that a backup lies in a project, where it could be committed with everything else.
pub fn leaves_backup(outcomes: &[Outcome], directories: &Directories) -> bool {
    let has_backup = |outcome: &Outcome| matches!(outcome.written, Written::Changed(_) | Written::Removed(_));
    directories.scope() == Scope::Project && outcomes.iter().any(has_backup)
}
