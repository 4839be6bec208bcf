//! How the sides of a merge stand to each other in history, and whether git has settled other files on an older one.
//!
//! Who is no author can sign nothing, but can put back what an author signed once. Merged with a newer file, it would be signed anew.

use fleetvault::{
    author::{Course, Which},
    cli::Failure,
    review::base,
    terminal::{escape, report::Report},
    vault::{Conflict, History, InProgress, Operation, Repository, Snapshot, Stage, Vault},
};
use vault_format::FilePath;

use crate::output::note;

/// Where the files of a vault are that can be in conflict and merged.
const FOLDERS: [&str; 4] = ["credentials", "members", "groups", "grants"];

/// What git does with the two sides.
pub fn course(operation: Operation) -> Course {
    match operation {
        Operation::Merge => Course::Join,
        Operation::Revert => Course::TakeBack,
        Operation::Rebase | Operation::CherryPick | Operation::Mailbox | Operation::Nothing => Course::Replay,
    }
}

/// Finds the side of each conflict that the history of the other side has had: it came before that one, whatever git found as their base.
/// Where somebody picks or reverts one commit, it is meant to be what was there before.
pub fn outdated(
    repository: &Repository,
    progress: &InProgress,
    conflicts: &[Conflict],
    directory: &str,
) -> Result<Vec<Option<Which>>, Failure> {
    let mut found = vec![None; conflicts.len()];
    if conflicts.is_empty() || matches!(progress.operation, Operation::Revert | Operation::CherryPick) {
        return Ok(found);
    }
    let mut look = |tip: &str, stage: Stage, other: Stage, which: Which| -> Result<(), Failure> {
        let had = had(repository, tip, conflicts, (stage, other), directory)?;
        for (found, _) in found.iter_mut().zip(had).filter(|(_, had)| *had) {
            *found = Some(which);
        }
        Ok(())
    };
    if let (Operation::Merge, Some(theirs)) = (progress.operation, &progress.theirs) {
        look(&theirs.commit.to_string(), Stage::Ours, Stage::Theirs, Which::Ours)?;
    }
    look("HEAD", Stage::Theirs, Stage::Ours, Which::Theirs)?;
    Ok(found)
}

/// Tells of each conflict whether the history of a commit has had one side of it, which is not the other side.
pub fn had(
    repository: &Repository,
    tip: &str,
    conflicts: &[Conflict],
    (side, other): (Stage, Stage),
    directory: &str,
) -> Result<Vec<bool>, Failure> {
    // It may have had no vault yet: then it has had none of its files.
    let Ok(snapshot) = repository.snapshot(tip) else {
        return Ok(vec![false; conflicts.len()]);
    };
    let history = History::of(repository, &snapshot, false)?;
    let versions = history.versions(&FOLDERS, &|_| ());
    let versions = versions.map_err(|error| Report::new(1, "history", error.to_string()))?;
    let has_had = |conflict: &Conflict| {
        let (Some(path), Some(id)) = (conflict.below(directory), conflict.id(side)) else {
            return false;
        };
        let mut files = versions.files.iter();
        conflict.id(other) != Some(id) && files.any(|version| version.file.id == id && version.file.path == path)
    };
    Ok(conflicts.iter().map(has_had).collect())
}

/// Refuses to seal to keys that git, without a conflict, has settled on an older file than HEAD has, or whose root it has put back. Of
/// credentials, which nothing here depends on, it is only said.
pub fn check_settled(repository: &Repository, staged: &Snapshot<'_>, conflicts: &[Conflict]) -> Result<(), Failure> {
    let directory = staged.directory();
    let Ok(head) = repository.snapshot("HEAD") else {
        return Ok(());
    };
    // Nothing can be older than what cannot be read.
    let Ok(head) = Vault::load(head, None) else {
        return Ok(());
    };
    let staged = Vault::load(staged.again(repository)?, None)?;
    let is_in_conflict = |path: &str| conflicts.iter().any(|conflict| conflict.below(directory) == Some(path));
    let findings = base::compare(&head, &staged)?;
    let mut keys = Vec::new();
    for finding in findings.iter().filter(|finding| !is_in_conflict(&finding.path)) {
        let text = format!("{}: {}", finding.path, finding.problem);
        match FilePath::parse(&finding.path) {
            Some(FilePath::Credential(_)) => note(&format!(
                "{}; git took it from the other side, which did not conflict",
                escape(&text)
            )),
            _ => keys.push((finding.path.as_str(), text)),
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    let (paths, texts): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    Err(Report::new(6, "rolled_back", texts.join("; "))
        .hint(format!(
            "git took that from the other side without a conflict; nothing is sealed to older keys, or judged by an older root\nto keep what HEAD has, from the vault's directory: git restore --source=HEAD --staged --worktree -- {}",
            paths.join(" ")
        ))
        .into())
}
