//! The user's work tree and index under a commit that is being made: checked, replaced, and put back where it fails.

use std::path::Path;

use super::{Attempt, Run};
use crate::vault::git::{
    error::WriteFailure,
    index::{Index, IndexLock, Staged},
    journal::{Journal, JournalFile},
    lock::StateDir,
    objects::Objects,
    recovery,
    request::Change,
    target, worktree,
};

/// Files of the work tree and index, checked and locked.
pub(super) struct Checkout {
    pub(super) lock: IndexLock,
    pub(super) index: Index,
    pub(super) files: Vec<JournalFile>,
    pub(super) directories: Vec<String>,
}

impl Run<'_> {
    /// Locks the index and checks that nothing of the user's would be overwritten; `None` if HEAD
    /// has moved.
    pub(super) fn check_out(
        &self,
        state: &StateDir,
        top: &Path,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Checkout>, WriteFailure> {
        let lock = IndexLock::acquire(state, self.repository.git_dir())?;
        // Whoever moves HEAD or the branch with its files holds this lock: now it stands still.
        if target::choose(self.repository, self.options.branch.as_deref())? != *attempt.target {
            return Ok(None);
        }
        let index = Index::copy(state, self.repository.git_dir(), &lock)?;
        let files = self.check(&index, &attempt.changes)?;
        let directories = worktree::missing_directories(top, files.iter().filter(|file| !file.index_only));
        Ok(Some(Checkout {
            lock,
            index,
            files,
            directories,
        }))
    }

    /// Checks that index and work tree have every file as the commit has it.
    pub(super) fn check(&self, index: &Index, changes: &[Change<'_>]) -> Result<Vec<JournalFile>, WriteFailure> {
        let Some(top) = self.repository.work_dir() else {
            return Ok(Vec::new());
        };
        let interrupted = self.interrupted()?;
        let executable_counts = self
            .repository
            .git()
            .config()
            .and_then(|config| config.get_bool("core.filemode"))
            .unwrap_or(true);
        let mut files = Vec::with_capacity(changes.len());
        for change in changes {
            let path = &change.path;
            let mut index_only = false;
            if !interrupted.contains(path) {
                index_only = match index.compare(path, change.old) {
                    Staged::Different(state) => {
                        let path = path.clone();
                        return Err(WriteFailure::Dirty { path, state });
                    }
                    Staged::Same => false,
                    Staged::SameOutside => {
                        matches!(worktree::look(top, path)?, worktree::Present::Nothing)
                    }
                };
                if !index_only {
                    worktree::check_unchanged(top, path, change.old, executable_counts)?;
                }
            }
            files.push(JournalFile {
                path: path.clone(),
                old: change.old,
                new: change.new,
                index_only,
            });
        }
        Ok(files)
    }

    /// The files of an interrupted run, which a dry run sees but must not put back.
    fn interrupted(&self) -> Result<Vec<String>, WriteFailure> {
        if self.state.is_some() {
            return Ok(Vec::new());
        }
        let journal = Journal::read(&StateDir::path_in(self.repository.common_dir()))?;
        let files = journal.map(|journal| journal.files).unwrap_or_default();
        Ok(files.into_iter().map(|file| file.path).collect())
    }

    /// Puts files and index back after a failure.
    pub(super) fn take_back(
        &self,
        state: &StateDir,
        top: &Path,
        journal: &Journal,
        lock: &IndexLock,
    ) -> Result<(), WriteFailure> {
        if !recovery::put_back_kept(self.repository, state, top, journal)? {
            recovery::undo(self.repository, state, journal, None, lock)?;
        }
        recovery::forget(state)
    }
}

/// Writes the journal, then the new files beside their places, and has them and the objects on disk
/// before the first file is replaced.
pub(super) fn prepare(
    state: &StateDir,
    top: &Path,
    journal: &Journal,
    objects: &Objects<'_>,
    changes: &[Change<'_>],
) -> Result<(), WriteFailure> {
    let contents: Vec<&[u8]> = changes.iter().map(|change| change.contents).collect();
    let mut new = vec![journal.write(state)?];
    new.extend(worktree::prepare(top, journal, &contents)?);
    objects.sync_with(new, state.path())
}

/// Puts the files in place, then the index.
pub(super) fn place(
    state: &StateDir,
    top: &Path,
    journal: &Journal,
    mut index: Index,
    lock: &IndexLock,
) -> Result<(), WriteFailure> {
    let directories = worktree::place(top, journal)?;
    for file in &journal.files {
        let metadata = match file.index_only {
            true => None,
            false => worktree::metadata(top, &file.path),
        };
        index.set(&file.path, file.new, metadata.as_ref())?;
    }
    index.put_in_place(state, top, directories, lock)
}
