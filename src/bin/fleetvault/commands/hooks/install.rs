//! `hooks install`, `status` and `remove`: the hooks in a repository. What is not fleetvault's is never overwritten, and comes back.

use std::{fs, io, io::Write, path::Path};

use clap::Args;
use fleetvault::{cli::Failure, say, terminal::escape};

use super::{
    git::{ask, git},
    hook::{Hook, program, script},
    place::{Place, State, cannot, shown},
};
use crate::{context::Context, output};

/// How git shows files of a vault, as `.gitattributes` names it.
const TEXTCONV: &str = "diff.fleetvault.textconv";

#[derive(Args)]
pub struct InstallArgs {
    /// Which hooks [default: pre-commit, or pre-receive in a bare repository]
    #[arg(value_name = "HOOK")]
    hooks: Vec<Hook>,
    /// Set a hook that is there aside, and call it first
    #[arg(long)]
    chain: bool,
    /// Show what would happen, write nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn install(args: &InstallArgs) -> Result<(), Failure> {
    let place = Place::find()?;
    let usual = if place.is_bare {
        Hook::PreReceive
    } else {
        Hook::PreCommit
    };
    let hooks = if args.hooks.is_empty() {
        vec![usual]
    } else {
        args.hooks.clone()
    };
    // All that could stand against it is looked at before anything is written.
    let mut states = Vec::new();
    for hook in hooks {
        let state = place.state(hook)?;
        place.check(hook, state, args.chain)?;
        states.push((hook, state));
    }
    show_headers_only(args.dry_run)?;
    for (hook, state) in states {
        let (name, path) = (hook.name(), place.path(hook));
        let would = if args.dry_run { "would be " } else { "" };
        if state == State::Installed {
            say!("{name} is installed");
            continue;
        }
        if state == State::Other {
            let before = place.before(hook);
            if !args.dry_run {
                fs::rename(&path, &before).map_err(|error| cannot("rename", &path, &error))?;
            }
            say!(
                "{name}: the hook that was there {would}kept as {}, and called first",
                shown(&before)
            );
        }
        if !args.dry_run {
            write(&path, &script(hook)).map_err(|error| cannot("write", &path, &error))?;
        }
        say!("{name} {would}installed: {}", shown(&path));
    }
    Ok(())
}

/// Tells git to show headers only, unless somebody told it something else.
fn show_headers_only(dry_run: bool) -> Result<(), Failure> {
    let ours = textconv();
    match ask(&["config", "--local", "--get", TEXTCONV])? {
        Some(value) if !is_ours(&value) => say!("git diff stays as {TEXTCONV} says: {}", escape(&value)),
        Some(value) if value == ours => {}
        _ if dry_run => {}
        _ => drop(git(&["config", "--local", TEXTCONV, &ours], &[])?),
    }
    Ok(())
}

fn is_ours(value: &str) -> bool {
    value.ends_with(" hooks textconv")
}

pub fn remove() -> Result<(), Failure> {
    let place = Place::find()?;
    let mut removed = false;
    for hook in Hook::ALL {
        if !matches!(place.state(hook)?, State::Installed | State::Outdated) {
            continue;
        }
        let (name, path, before) = (hook.name(), place.path(hook), place.before(hook));
        removed = true;
        // A rename replaces, so that there is no moment without any hook.
        if before.symlink_metadata().is_ok() {
            fs::rename(&before, &path).map_err(|error| cannot("rename", &before, &error))?;
            say!("{name}: the hook that was there before is back");
        } else {
            fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
            say!("{name} removed");
        }
    }
    if ask(&["config", "--local", "--get", TEXTCONV])?.is_some_and(|value| is_ours(&value)) {
        git(&["config", "--local", "--unset", TEXTCONV], &[])?;
        removed = true;
    }
    if !removed {
        say!("there is no hook of fleetvault here");
    }
    Ok(())
}

pub fn status(context: &Context) -> Result<(), Failure> {
    let place = Place::find()?;
    let states = Hook::ALL.map(|hook| place.state(hook).map(|state| (hook, state)));
    let states = states.into_iter().collect::<Result<Vec<_>, _>>()?;
    let textconv = ask(&["config", "--get", TEXTCONV])?;
    if context.globals.json {
        let hooks: serde_json::Map<_, _> = states
            .iter()
            .map(|(hook, state)| (hook.name().to_owned(), serde_json::json!(state)))
            .collect();
        return output::print_json(&serde_json::json!({
            "directory": place.hooks.display().to_string(),
            "hooks": hooks,
            "textconv": textconv,
            "framework": place.framework().map(|(_, program, _)| program),
        }));
    }
    for (hook, state) in states {
        let chained = place.before(hook).symlink_metadata().is_ok();
        let says = match state {
            State::Absent => "not there",
            State::Installed if chained => "installed, after the hook that was there before",
            State::Installed => "installed",
            State::Outdated => "of another version: fleetvault hooks install",
            State::Other => "another program's",
        };
        say!("{:<12} {says}", hook.name());
    }
    let says = if textconv.is_some() {
        "headers only"
    } else {
        "all of each file"
    };
    say!("{:<12} {says}", "git diff");
    if let Some((file, program, _)) = place.framework() {
        say!("{file} is there: {program} writes hooks here");
    }
    Ok(())
}

fn textconv() -> String {
    format!("{} hooks textconv", program().unwrap_or_else(|| "fleetvault".into()))
}

/// Writes a hook beside its place, and renames it there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fleetvault-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
