//! `install`: the hook and the MCP server in a client's own configuration.
//!
//! Never writes a rule that allows a command: that is the user's to decide.

use std::{env, path::PathBuf};

use clap::Args;
use fleetvault::{
    agent::{
        Client,
        install::{ConfigFile, Directories, InstallError, Launch, PROGRAM, Part, Scope, Snippet, Written},
    },
    cli::{Failure, Settings},
    say,
    terminal::{escape, escape_json, report::Report},
};
use serde::Serialize;

use crate::{
    installed::{ClientArgs, Outcome, leaves_backup, say_outcomes},
    launch::{LaunchArgs, warn},
};

#[derive(Args)]
#[command(
    after_help = "The launch options given here, or in FLEETVAULT_ variables, are written into the client's configuration: the agent is launched for that member. What else stands in these files is kept, comments too, and a copy of each changed one is left beside it. An older entry of fleetvault is replaced. No rule is written that allows a command without asking."
)]
pub struct InstallArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Only the hook, which resolves references in the client's own shell tool
    #[arg(long, conflicts_with = "mcp")]
    hook: bool,
    /// Only the MCP server
    #[arg(long)]
    mcp: bool,
    /// Show what would be merged, and into which files; write nothing
    #[arg(long)]
    print: bool,
}

/// One file, and what it is to get.
struct Plan {
    path: PathBuf,
    snippets: Vec<Snippet>,
}

#[derive(Serialize)]
struct Shown {
    path: PathBuf,
    snippet: String,
}

pub fn run(args: &InstallArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let settings = Settings::from_environment();
    let installed = Launch::new(program()?, launch.to_arguments(&settings)?).map_err(InstallError::Command)?;
    let directories = args.client.directories()?;
    let plans = args.plans(&directories);
    if args.print {
        return print(&plans, &installed, launch.json);
    }
    let outcomes = merge(plans, &installed, &directories)?;
    say_outcomes(&outcomes, launch.json)?;
    warn_of_committing(&outcomes, &directories);
    launch.warn_of_missing_identity(&settings);
    if args.starts_elsewhere(&directories) && !launch.names_vault() {
        warn("Cursor starts hooks of a user in ~/.cursor, where no vault is found: name it with --vault DIR");
    }
    if !launch.json {
        say!("next: {}", next(args.client.client, !args.mcp, &directories));
    }
    Ok(())
}

impl InstallArgs {
    /// What goes where: some clients have both parts in one file.
    fn plans(&self, directories: &Directories) -> Vec<Plan> {
        let mut plans: Vec<Plan> = Vec::new();
        for (part, wanted) in [(Part::Hook, !self.mcp), (Part::Mcp, !self.hook)] {
            if !wanted {
                continue;
            }
            let snippet = Snippet::of(self.client.client, part);
            let path = snippet.path(directories);
            match plans.iter_mut().find(|plan| plan.path == path) {
                Some(plan) => plan.snippets.push(snippet),
                None => plans.push(Plan {
                    path,
                    snippets: vec![snippet],
                }),
            }
        }
        plans
    }

    fn starts_elsewhere(&self, directories: &Directories) -> bool {
        self.client.client == Client::Cursor && directories.scope() == Scope::User && !self.mcp
    }
}

/// Merges everything before anything is written, so that what cannot be merged changes no file.
fn merge(plans: Vec<Plan>, installed: &Launch, directories: &Directories) -> Result<Vec<Outcome>, Failure> {
    let mut merged = Vec::new();
    for plan in plans {
        let file = ConfigFile::read(plan.path.clone(), directories)?;
        let text = merged_text(&plan, file.text(), installed).map_err(|problem| file.problem(problem))?;
        merged.push((plan, file, text));
    }
    let write = |(plan, file, text): (Plan, ConfigFile, String)| {
        Ok(Outcome {
            written: file.write(&text)?,
            path: plan.path,
            parts: plan.snippets.iter().map(Snippet::part).collect(),
        })
    };
    merged.into_iter().map(write).collect()
}

fn merged_text(plan: &Plan, text: &str, installed: &Launch) -> Result<String, fleetvault::agent::install::Problem> {
    let mut text = text.to_owned();
    for snippet in &plan.snippets {
        text = snippet.merge(&text, installed)?;
    }
    Ok(text)
}

/// Shows each file's snippet: what an empty one would become.
fn print(plans: &[Plan], installed: &Launch, json: bool) -> Result<(), Failure> {
    let mut shown = Vec::new();
    for plan in plans {
        shown.push(Shown {
            path: plan.path.clone(),
            snippet: merged_text(plan, "", installed).map_err(InstallError::Command)?,
        });
    }
    if json {
        let text = serde_json::to_string(&serde_json::json!({ "files": shown }))
            .map_err(|error| Report::new(1, "io", format!("cannot write the list: {error}")))?;
        say!("{}", escape_json(&text));
        return Ok(());
    }
    for Shown { path, snippet } in shown {
        say!("{}:\n{snippet}", escape(&path.display().to_string()));
    }
    Ok(())
}

/// The absolute path of this program, under the one name that it is recognised by later.
fn program() -> Result<String, Failure> {
    let cannot = |reason: &str| Report::new(1, "program", format!("cannot tell where this program is: {reason}"));
    let path = env::current_exe().map_err(|error| cannot(&error.to_string()))?;
    let text = path.to_str().ok_or_else(|| cannot("its path is not UTF-8"))?;
    // What Linux says of a program that was replaced while it runs.
    let text = match path.exists() {
        true => text,
        false => text.strip_suffix(" (deleted)").unwrap_or(text),
    };
    let path = PathBuf::from(text);
    if !path.exists() {
        return Err(cannot("it was removed").into());
    }
    if path.file_stem().is_none_or(|name| name != PROGRAM) {
        let report = Report::new(1, "program", format!("this program is called {}", path.display()));
        return Err(report
            .hint(format!(
                "a client's configuration can only hold it by its own name, {PROGRAM}"
            ))
            .into());
    }
    Ok(text.to_owned())
}

fn warn_of_committing(outcomes: &[Outcome], directories: &Directories) {
    if directories.scope() != Scope::Project || outcomes.iter().all(|outcome| outcome.written == Written::Unchanged) {
        return;
    }
    let backup = match leaves_backup(outcomes, directories) {
        true => ", and never the backups",
        false => "",
    };
    warn(&format!(
        "these files name paths of this machine, and a hook that cannot start stops the agent's commands: commit them only where all clones have these paths{backup}"
    ));
}

/// How to see that it works. A client that does not run the hook passes references on to the shell, and says nothing.
fn next(client: Client, has_hook: bool, directories: &Directories) -> String {
    let title = client.title();
    let place = directories.boundary().map_or(String::new(), |top| {
        format!(" in {}", escape(&top.display().to_string()))
    });
    if !has_hook {
        let list = match client {
            Client::ClaudeCode | Client::Codex | Client::Gemini | Client::Copilot => "'/mcp'",
            Client::Cursor => "its settings",
            Client::Opencode => "'opencode mcp list'",
        };
        return format!("start {title} anew{place}; {list} must list the server 'fleetvault'");
    }
    let in_project = directories.scope() == Scope::Project;
    // Seen in Claude Code 2.1 and Gemini CLI 0.61: only the directory that they are started in counts, not those above it.
    let not_below = if in_project { ", not below it" } else { "" };
    let trusted = if in_project { ", as a folder that you trust" } else { "" };
    let see = match client {
        Client::ClaudeCode => format!("{not_below}; '/hooks' must list the hook"),
        Client::Codex => format!("{trusted}; trust the hook with '/hooks', until then Codex skips it and says nothing"),
        Client::Gemini => format!("{not_below}{trusted}; '/hooks panel' must list the hook"),
        Client::Copilot => trusted.to_owned(),
        Client::Cursor => "; its settings must list the hook under 'Hooks'".into(),
        Client::Opencode => String::new(),
    };
    format!(
        "start {title} anew{place}{see}; then ask for 'echo <<secure.NAME>>' with a credential that the member may use: it must print '[REDACTED:NAME]', anything else means that the hook did not run"
    )
}
