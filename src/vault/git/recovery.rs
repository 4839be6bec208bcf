//! What an interrupted run left: finished if its commit is on the branch, undone if not.
//! Runs under the writers' lock only, and touches nothing that somebody has changed since.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use git2::Oid;

use super::Access;
use super::error::{Doing, RepositoryError, WriteFailure, git};
use super::index::{Index, IndexLock};
use super::journal::Journal;
use super::lock::{StateDir, remove_if_there};
use super::repository::Repository;
use super::snapshot::Snapshot;
use super::{at_work, reference, swap, worktree};

/// Cleans up after a run that was killed, if there was one. Returns the files it left alone,
/// because somebody had changed them.
pub(super) fn recover(repository: &Repository, state: &StateDir) -> Result<Vec<String>, WriteFailure> {
    at_work::wait_for_files(repository.common_dir())?;
    for leftover in ["index", "index.lock", "index.token", "index.old", "journal.new"] {
        remove_if_there(&state.file(leftover))?;
    }
    IndexLock::remove_stale(repository.common_dir())?;
    let Some(journal) = Journal::read(state.path())? else {
        // One that was cut off may be there.
        Journal::remove(state)?;
        return Ok(Vec::new());
    };
    if !journal.reference.is_empty() {
        swap::remove_stale_lock(repository.git(), &journal.reference, journal.commit)?;
    }
    let git_dir = repository.common_dir().join(&journal.git_dir);
    let left_alone = match Repository::open_git_dir(&git_dir, String::new(), Access::Write, &[]) {
        Ok(there) => finish_or_undo(&there, state, &journal)?,
        // The work tree was removed since, and its files with it.
        Err(RepositoryError::NotARepository(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Journal::remove(state)?;
    Ok(left_alone)
}

fn finish_or_undo(repository: &Repository, state: &StateDir, journal: &Journal) -> Result<Vec<String>, WriteFailure> {
    let Some(top) = repository.work_dir().filter(|_| !journal.files.is_empty()) else {
        return Ok(Vec::new());
    };
    if journal.reference.is_empty() {
        return put_back_unresolved(repository, top, journal);
    }
    let tip = reference::tip(repository.git(), &journal.reference)?;
    if is_on_branch(repository.git(), tip, journal.commit)? {
        // Files and index came before the branch: they are in place.
        return worktree::tidy(top, journal);
    }
    let lock = IndexLock::acquire(state, repository.git_dir())?;
    undo(repository, state, journal, tip, &lock)
}

fn is_on_branch(repository: &git2::Repository, tip: Option<Oid>, commit: Oid) -> Result<bool, WriteFailure> {
    match tip {
        None => Ok(false),
        Some(tip) if tip == commit => Ok(true),
        // The commit itself may be gone, if it never became part of anything.
        Some(_) if repository.find_commit(commit).is_err() => Ok(false),
        Some(tip) => repository
            .graph_descendant_of(tip, commit)
            .map_err(git("walk the history")),
    }
}

/// Puts the files back that were to end a conflict and are still in it: the index was to follow them, and has not. Where it has, or somebody
/// staged them since, they are what was meant.
pub(super) fn put_back_unresolved(
    repository: &Repository,
    top: &Path,
    journal: &Journal,
) -> Result<Vec<String>, WriteFailure> {
    let index = Index::read(repository.git_dir())?;
    let resolved = journal
        .files
        .iter()
        .filter(|file| index.id(&file.path) == Some(file.new))
        .map(|file| file.path.clone())
        .collect();
    worktree::put_back(repository.git(), top, journal, &resolved)
}

/// Puts files and index entries back as they were before the journal's run.
pub(super) fn undo(
    repository: &Repository,
    state: &StateDir,
    journal: &Journal,
    tip: Option<Oid>,
    lock: &IndexLock,
) -> Result<Vec<String>, WriteFailure> {
    let Some(top) = repository.work_dir() else {
        return Ok(Vec::new());
    };
    let committed = committed_since(repository, journal, tip)?;
    let left_alone = worktree::put_back(repository.git(), top, journal, &committed)?;
    let mut index = Index::copy(state, repository.git_dir(), lock)?;
    let mut changed = false;
    for file in &journal.files {
        let is_ours = index.id(&file.path) == Some(file.new) && file.old != Some(file.new);
        if !is_ours || committed.contains(&file.path) {
            continue;
        }
        changed = true;
        match file.old {
            Some(old) if left_alone.contains(&file.path) => index.set(&file.path, old, None)?,
            Some(old) => {
                let metadata = worktree::metadata(top, &file.path);
                index.set(&file.path, old, metadata.as_ref())?;
            }
            None => index.remove(&file.path)?,
        }
    }
    if changed {
        index.put_in_place(state, top, Vec::new(), lock)?;
    }
    remove_if_there(&state.file("index"))?;
    remove_if_there(&Index::kept(state))?;
    Ok(left_alone)
}

/// The files that the branch has by now as the interrupted run would have made them: somebody
/// committed what it left.
fn committed_since(
    repository: &Repository,
    journal: &Journal,
    tip: Option<Oid>,
) -> Result<BTreeSet<String>, WriteFailure> {
    let snapshot = Snapshot::of_commit(repository, tip)?;
    let mut committed = BTreeSet::new();
    for file in &journal.files {
        if let Ok(Some(found)) = snapshot.find_from_root(&file.path)
            && found.id == file.new
        {
            committed.insert(file.path.clone());
        }
    }
    Ok(committed)
}

/// Puts the index back that was kept, and with it the files. Returns false where none was kept.
pub(super) fn put_back_kept(
    repository: &Repository,
    state: &StateDir,
    top: &Path,
    journal: &Journal,
) -> Result<bool, WriteFailure> {
    let kept = Index::kept(state);
    if !kept.exists() {
        return Ok(false);
    }
    // The lock was ours all the time, so that nobody has changed the index since. This
    // takes no space, on a disk that may just have filled up.
    let original = repository.git_dir().join("index");
    fs::rename(&kept, &original).doing("put back", &original)?;
    // Had it not been replaced yet, both are one file, and a rename does nothing.
    remove_if_there(&kept)?;
    worktree::put_back(repository.git(), top, journal, &BTreeSet::new())?;
    Ok(true)
}

/// Removes what is left of a run once everything is back.
pub(super) fn forget(state: &StateDir) -> Result<(), WriteFailure> {
    remove_if_there(&state.file("index"))?;
    Journal::remove(state)
}

/// Clears away what was only for taking back, and returns what must stay. It is done: what
/// cannot be cleared away now is for the next run, and no failure.
pub(super) fn tidy(state: &StateDir, top: &Path, journal: &Journal) -> Vec<String> {
    let Ok(left_alone) = worktree::tidy(top, journal) else {
        return Vec::new();
    };
    if remove_if_there(&Index::kept(state)).is_ok() {
        let _ = Journal::remove(state);
    }
    left_alone
}
