//! `merge`: ends conflicts in files of the vault, during a merge, rebase or cherry-pick of git.
//!
//! Makes no commit: git goes on as after any conflict.

pub mod sides;

use std::path::{Component, Path};

use clap::Args;
use fleetvault::{
    author::{self, Conflicted, Desk, MergeStep, Ruling, Which},
    cli::{Asking, Failure, plugins, time},
    say,
    terminal::{escape, report::Report, style::Style},
    vault::{
        Access, Conflict, FileChange, Merged, Operation, Repository, Snapshot, Stage, Vault, WriteOptions, resolve,
        trust::Floors,
    },
};
use serde::Serialize;
use vault_format::FilePath;

use crate::{
    context::{Context, fail},
    output::{self, note},
    progress::{next, ours, theirs},
    trust::Strictness,
};

#[derive(Args)]
#[command(
    after_help = "Scopes are merged as sets, network, expiry, note and value one by one. What both sides changed to something else is refused, with both.\nGit's words: while rebasing, 'ours' is the branch that is rebased onto, and 'theirs' is your own commit; what they are is said.\n\nEXAMPLES:\n  git merge other; fleetvault merge; git commit\n  fleetvault merge --theirs credentials/github_pat.toml"
)]
pub struct MergeArgs {
    /// Files or directories, as git names them [default: all of the vault]
    paths: Vec<String>,
    /// Where both sides changed the same thing, take HEAD's
    #[arg(long, conflicts_with = "theirs")]
    ours: bool,
    /// Where both sides changed the same thing, take the other side's
    #[arg(long)]
    theirs: bool,
    /// Check everything, show what would happen, write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was merged, as `--json` tells it.
#[derive(Serialize)]
struct Told<'a> {
    merged: Vec<&'a str>,
    summary: &'a [String],
    in_conflict: &'a [String],
    ours: &'a str,
    theirs: &'a str,
    next: Option<&'a str>,
    dry_run: bool,
}

/// The files in conflict: those to be merged, and the paths of those that stay.
struct Selection {
    files: Vec<(Conflict, Conflicted)>,
    /// Of the vault, but not asked for.
    left: Vec<FilePath>,
    in_conflict: Vec<String>,
}

pub fn run(args: &MergeArgs, context: &Context) -> Result<(), Failure> {
    let repository = Repository::open(Path::new("."), Access::Write)?;
    let conflicts = repository.conflicts()?;
    let progress = repository.in_progress();
    let ruling = Ruling {
        course: sides::course(progress.operation),
        choice: match (args.ours, args.theirs) {
            (true, _) => Some(Which::Ours),
            (_, true) => Some(Which::Theirs),
            _ => None,
        },
        ours: ours(&repository, &progress),
        theirs: theirs(&progress),
    };
    let memory = repository.in_memory()?;
    let snapshot = memory.staged("", &[])?;
    let outdated = sides::outdated(&repository, &progress, &conflicts, snapshot.directory())?;
    let all = conflicts.clone();
    let selection = select(args, &repository, &snapshot, conflicts, outdated)?;
    let (step, merged) = match selection.files.is_empty() {
        true => (MergeStep::default(), Vec::new()),
        false => {
            // First: a root in conflict is missing from what git has settled.
            let selected: Vec<FilePath> = selection.files.iter().map(|(_, file)| file.path.clone()).collect();
            author::check_selection(&selected, &selection.left).map_err(fail)?;
            sides::check_settled(&memory, &snapshot, &all)?;
            let head = context.load(repository.snapshot("HEAD")?)?;
            context.learn(&repository, &head, !args.dry_run)?;
            merge(context, &repository, &memory, snapshot, &selection, &ruling)?
        }
    };
    if !args.dry_run {
        for path in resolve(&repository, &merged, WriteOptions::default().wait)? {
            note(&format!(
                "{path} was changed while fleetvault wrote; it is left as it is: look at it"
            ));
        }
    }
    tell(args, context, &step, &merged, &selection, &ruling, progress.operation)
}

fn merge(
    context: &Context,
    repository: &Repository,
    memory: &Repository,
    snapshot: Snapshot<'_>,
    selection: &Selection,
    ruling: &Ruling,
) -> Result<(MergeStep, Vec<Merged>), Failure> {
    let directory = snapshot.directory().to_owned();
    let files: Vec<&Conflicted> = selection.files.iter().map(|(_, file)| file).collect();
    let again = |stand_ins: &[FileChange]| Ok(memory.staged(&directory, stand_ins)?);
    let (step, _) = plan(
        context,
        |snapshot| context.load(snapshot),
        repository,
        snapshot,
        again,
        &files,
        ruling,
    )?;
    let merged = pair(&selection.files, &step.files);
    Ok((step, merged))
}

/// Plans all files: members first, since what is sealed is sealed to their merged keys. `again` reads the vault with what stands in for the
/// files in conflict. What is to be remembered of it is returned, too. `load` decides whether it is held against what was used here before.
pub(super) fn plan<'m>(
    context: &Context,
    load: impl Fn(Snapshot<'m>) -> Result<Vault<'m>, Failure>,
    repository: &Repository,
    snapshot: Snapshot<'m>,
    again: impl FnOnce(&[FileChange]) -> Result<Snapshot<'m>, Failure>,
    files: &[&Conflicted],
    ruling: &Ruling,
) -> Result<(MergeStep, Floors), Failure> {
    let signer = context.signer()?;
    let now = time::now();
    let vault = load(snapshot)?;
    context.check_trust(repository, &vault, Strictness::Required)?;
    let desk = Desk::new(&vault, &signer, None, now).map_err(fail)?;
    let members = author::merge_members(desk, files, ruling)?;

    let vault = load(again(&members.stand_ins)?)?;
    let keyring = context.keyring(&vault, context.keys_at_hand()?)?;
    let desk = Desk::new(&vault, &signer, keyring.as_ref(), now).map_err(fail)?;
    let desk = desk.with_plugins(plugins(Asking::AtTerminal));
    let sealed = author::merge_sealed(desk, files, ruling)?;

    let mut step = MergeStep {
        files: members.files,
        stand_ins: Vec::new(),
        summary: members.summary,
    };
    step.files.extend(sealed.files);
    step.summary.extend(sealed.summary);
    drop(keyring);
    Ok((step, vault.into_floors()))
}

/// Finds out which files are to be merged, and reads their sides.
fn select(
    args: &MergeArgs,
    repository: &Repository,
    snapshot: &Snapshot<'_>,
    conflicts: Vec<Conflict>,
    outdated: Vec<Option<Which>>,
) -> Result<Selection, Failure> {
    let mut wanted = args
        .paths
        .iter()
        .map(|path| in_repository(repository.start(), path).map(|full| (path, full)))
        .collect::<Result<Vec<_>, Report>>()?;
    let within = |path: &str, wanted: &str| {
        wanted.is_empty()
            || path
                .strip_prefix(wanted)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut selection = Selection {
        files: Vec::new(),
        left: Vec::new(),
        in_conflict: Vec::new(),
    };
    for (given, full) in &mut wanted {
        let is_there = |full: &str| conflicts.iter().any(|conflict| within(&conflict.path, full));
        // As errors name a file: from the vault, wherever in it one stands.
        let from_vault = in_repository(snapshot.directory(), given)?;
        if !is_there(full) && is_there(&from_vault) {
            *full = from_vault;
        }
        if !is_there(full) {
            return Err(Report::new(4, "no_conflict", format!("'{given}' is not in conflict"))
                .hint("'git status' lists the files that are")
                .into());
        }
    }
    for (conflict, outdated) in conflicts.into_iter().zip(outdated) {
        let path = conflict.below(snapshot.directory()).and_then(FilePath::parse);
        let is_wanted = wanted.is_empty() || wanted.iter().any(|(_, full)| within(&conflict.path, full));
        let Some(path) = path else {
            selection.in_conflict.push(conflict.path);
            continue;
        };
        if !is_wanted {
            selection.in_conflict.push(conflict.path);
            selection.left.push(path);
            continue;
        }
        let side = |stage| -> Result<_, Failure> {
            let read = conflict.read(stage, snapshot);
            let side = match stage {
                Stage::Base => "base",
                Stage::Ours => "ours",
                Stage::Theirs => "theirs",
            };
            read.map_err(|error| {
                Report::new(6, "untrusted", format!("{error}, on the side of {side}"))
                    .hint("take over the other side, or give up the merge (git merge --abort, git rebase --abort)")
                    .into()
            })
        };
        let file = Conflicted {
            base: side(Stage::Base).unwrap_or(None),
            ours: side(Stage::Ours)?,
            theirs: side(Stage::Theirs)?,
            outdated,
            path,
        };
        selection.files.push((conflict, file));
    }
    Ok(selection)
}

/// Puts each merged file to its conflict.
fn pair(conflicts: &[(Conflict, Conflicted)], files: &[FileChange]) -> Vec<Merged> {
    let merged = conflicts.iter().filter_map(|(conflict, file)| {
        let path = file.path.to_string();
        let file = files.iter().find(|file| file.path == path)?;
        Some(Merged {
            conflict: conflict.clone(),
            contents: file.contents.clone(),
        })
    });
    merged.collect()
}

/// A path as it was given, from the top of the repository.
fn in_repository(start: &str, given: &str) -> Result<String, Report> {
    let outside = || Report::new(2, "usage", format!("'{given}' is not in this repository"));
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for component in Path::new(given).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(outside)?),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop().ok_or_else(outside)?;
            }
            Component::RootDir | Component::Prefix(_) => return Err(outside().hint("name it as 'git status' does")),
        }
    }
    Ok(parts.join("/"))
}

fn tell(
    args: &MergeArgs,
    context: &Context,
    step: &MergeStep,
    merged: &[Merged],
    selection: &Selection,
    ruling: &Ruling,
    operation: Operation,
) -> Result<(), Failure> {
    let next = next(operation).filter(|_| selection.in_conflict.is_empty());
    if context.globals.json {
        return output::print_json(&Told {
            merged: merged.iter().map(|file| file.conflict.path.as_str()).collect(),
            summary: &step.summary,
            in_conflict: &selection.in_conflict,
            ours: &ruling.ours,
            theirs: &ruling.theirs,
            next,
            dry_run: args.dry_run,
        });
    }
    let style = Style::stdout();
    if merged.is_empty() {
        say!(
            "no file of the vault is in conflict{}",
            if args.paths.is_empty() { "" } else { " there" }
        );
    } else {
        if args.dry_run {
            say!("{}", style.dim("dry run, nothing is written; it would say:"));
        }
        say!("{}", style.dim(&format!("ours    {}", escape(&ruling.ours))));
        say!("{}", style.dim(&format!("theirs  {}", escape(&ruling.theirs))));
    }
    for line in &step.summary {
        say!("{}", escape(line));
    }
    for path in &selection.in_conflict {
        say!("still in conflict: {}", escape(path));
    }
    if let Some(next) = next {
        say!("next: {next}");
    }
    Ok(())
}
