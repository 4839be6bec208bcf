//! The end of a conflict: merged files go into the work tree, then into the index, in place of the sides. No commit is made.
//!
//! The sides stay in the index until the files are in their places: killed at any point, the conflict is there as it was, or is over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{ObjectType, Oid};

use super::conflict::Conflict;
use super::error::{WriteFailure, git};
use super::index::{Index, IndexLock};
use super::journal::{Journal, JournalFile};
use super::lock::StateDir;
use super::objects::Objects;
use super::path::check_path;
use super::repository::Repository;
use super::{MAX_FILE, recovery, worktree};

/// A file in conflict, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The conflict as it was read.
    pub conflict: Conflict,
    /// All bytes of the merged file.
    pub contents: Vec<u8>,
}

/// Ends conflicts, and before that, what a run left that was killed: also where there are none, since that run may have ended them. Returns
/// files left alone, as [`super::Written`] has them.
///
/// # Errors
/// A [`WriteFailure`], after which all conflicts are as they were; but for [`WriteFailure::NotUndone`], after which the next run puts them back.
pub fn resolve(repository: &Repository, merged: &[Merged], wait: Duration) -> Result<Vec<String>, WriteFailure> {
    repository.expect_writable()?;
    let Some(top) = repository.work_dir() else {
        return Ok(Vec::new());
    };
    if merged.is_empty() && !StateDir::path_in(repository.common_dir()).exists() {
        return Ok(Vec::new());
    }
    let state = StateDir::lock(repository.common_dir(), wait)?;
    let mut left_alone = recovery::recover(repository, &state)?;
    if merged.is_empty() {
        return Ok(left_alone);
    }
    let lock = IndexLock::acquire(&state, repository.git_dir())?;
    let index = Index::copy(&state, repository.git_dir(), &lock)?;
    let mut objects = Objects::new(repository.git())?;
    let files = check(top, &index, merged, &mut objects)?;
    let journal = journal(repository, top, files)?;
    let done =
        prepare(&state, top, &journal, &objects, merged).and_then(|()| place(&state, top, &journal, index, &lock));
    match done {
        Ok(()) => {
            left_alone.extend(recovery::tidy(&state, top, &journal));
            Ok(left_alone)
        }
        Err(first) => match take_back(repository, &state, top, &journal) {
            Ok(()) => Err(first),
            Err(second) => Err(WriteFailure::NotUndone {
                first: Box::new(first),
                second: Box::new(second),
            }),
        },
    }
}

/// Checks that each conflict is the one that was merged, and that nobody has worked on its file. What stands there is kept as an object, so
/// that it can be put back.
fn check(
    top: &Path,
    index: &Index,
    merged: &[Merged],
    objects: &mut Objects<'_>,
) -> Result<Vec<JournalFile>, WriteFailure> {
    let conflicts = Conflict::gather(index.entries());
    let mut files = Vec::with_capacity(merged.len());
    for Merged { conflict, contents } in merged {
        let path = conflict.path.clone();
        check_path(&path)?;
        if contents.len() > MAX_FILE {
            return Err(WriteFailure::TooLarge {
                path,
                size: contents.len(),
                limit: MAX_FILE,
            });
        }
        if !conflicts.contains(conflict) {
            let state = "is in another conflict than a moment ago";
            return Err(WriteFailure::Dirty { path, state });
        }
        let old = match worktree::in_conflict(top, &path, &conflict.ids())? {
            None => None,
            Some((_, true)) => return Err(WriteFailure::Edited(path)),
            Some((before, false)) => Some(objects.write_blob(&before)?),
        };
        files.push(JournalFile {
            path,
            old,
            new: objects.write_blob(contents)?,
            index_only: false,
        });
    }
    Ok(files)
}

fn journal(repository: &Repository, top: &Path, files: Vec<JournalFile>) -> Result<Journal, WriteFailure> {
    let common = repository.common_dir();
    let git_dir = repository.git_dir();
    let git_dir = git_dir.strip_prefix(common).unwrap_or(git_dir);
    let directories = worktree::missing_directories(top, files.iter());
    let named: String = files
        .iter()
        .map(|file| format!("{} {}\n", file.new, file.path))
        .collect();
    Ok(Journal {
        git_dir: git_dir.to_string_lossy().into_owned(),
        reference: String::new(),
        commit: Oid::hash_object(ObjectType::Blob, named.as_bytes()).map_err(git("hash a file"))?,
        directories,
        files,
    })
}

/// Has journal, objects and new files on disk before the first file is replaced.
fn prepare(
    state: &StateDir,
    top: &Path,
    journal: &Journal,
    objects: &Objects<'_>,
    merged: &[Merged],
) -> Result<(), WriteFailure> {
    let contents: Vec<&[u8]> = merged.iter().map(|file| file.contents.as_slice()).collect();
    let mut files: Vec<PathBuf> = vec![journal.write(state)?];
    files.extend(worktree::prepare(top, journal, &contents)?);
    objects.sync_with(files, state.path())
}

/// Puts the files in place, then the index.
fn place(
    state: &StateDir,
    top: &Path,
    journal: &Journal,
    mut index: Index,
    lock: &IndexLock,
) -> Result<(), WriteFailure> {
    let directories = worktree::place(top, journal)?;
    for file in &journal.files {
        index.end_conflict(&file.path)?;
        index.set(&file.path, file.new, worktree::metadata(top, &file.path).as_ref())?;
    }
    index.put_in_place(state, top, directories, lock)
}

/// Puts index and files back after a failure.
fn take_back(repository: &Repository, state: &StateDir, top: &Path, journal: &Journal) -> Result<(), WriteFailure> {
    if !recovery::put_back_kept(repository, state, top, journal)? {
        recovery::put_back_unresolved(repository, top, journal)?;
    }
    recovery::forget(state)
}
