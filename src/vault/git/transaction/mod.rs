//! One command, one commit: planned on a fresh snapshot, refused if anything of the user's would
//! be lost, written so that a kill at any point leaves the vault before it or after it.
//! Never prompts, never pushes.

mod checkout;

use std::path::Path;
use std::time::Duration;

use git2::Oid;

use super::commit::{self, Identity};
use super::error::{WriteError, WriteFailure};
use super::id::CommitId;
use super::index::Index;
use super::journal::{Journal, JournalFile};
use super::lock::StateDir;
use super::objects::{Leaf, Objects};
use super::path::{check_path, join};
use super::reference::HeadState;
use super::repository::Repository;
use super::request::{Change, CommitRequest, changes};
use super::snapshot::Snapshot;
use super::swap::{self, Move, Swap};
use super::target::{self, Target};
use super::{VAULT_FILE, recovery};
use checkout::{Checkout, place, prepare};

/// How often a command is planned again because the branch moved meanwhile.
const TRIES: u32 = 50;

/// How a command writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The branch to commit to, made from HEAD if it does not exist; none is the current one.
    pub branch: Option<String>,
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// How long to wait for another fleetvault that is writing; for git's own locks at most eight
    /// seconds of it.
    pub wait: Duration,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            branch: None,
            dry_run: false,
            wait: Duration::from_secs(30),
        }
    }
}

/// What became of the work tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkTree {
    /// Its files and the index follow the new commit.
    Updated,
    /// It shows another branch, and was left alone.
    OtherBranch,
    /// There is none.
    Bare,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The commit; none in a dry run.
    pub commit: Option<CommitId>,
    /// The branch it is on, without `refs/heads/`.
    pub branch: String,
    /// The branch did not exist before.
    pub branch_is_new: bool,
    /// The files it changed, by their paths below the vault.
    pub paths: Vec<String>,
    /// What became of the work tree.
    pub work_tree: WorkTree,
    /// Files left as they are, by their paths in the repository: those that an interrupted run before
    /// this one had changed, and somebody again since; and those beside a file, called
    /// `.fleetvault-….old`, with what somebody wrote to it in the moment it was replaced.
    pub left_alone: Vec<String>,
}

/// Commits what `plan` makes of a fresh snapshot of the vault. When another git process moves the
/// branch meanwhile, `plan` is asked again.
///
/// # Errors
/// What `plan` returns; otherwise a [`WriteFailure`]. Nothing has changed then, with two exceptions:
/// [`WriteFailure::NotSynced`], where it is committed, and [`WriteFailure::NotUndone`], where files or
/// index may have changed until the next command puts them back.
pub fn write<E>(
    repository: &Repository,
    options: &WriteOptions,
    mut plan: impl FnMut(&Snapshot<'_>) -> Result<CommitRequest, E>,
) -> Result<Written, WriteError<E>> {
    let run = Run::start(repository, options)?;
    for _ in 0..TRIES {
        let target = target::choose(repository, options.branch.as_deref())?;
        let Some(base) = target.base else {
            return Err(WriteFailure::Unborn(target.branch).into());
        };
        let snapshot = Snapshot::find(repository, base).map_err(WriteFailure::from)?;
        let request = plan(&snapshot).map_err(WriteError::Plan)?;
        if let Some(written) = run.attempt(&target, &snapshot, &request)? {
            return Ok(written);
        }
    }
    Err(run.busy().into())
}

/// Commits a new vault into `directory` of the repository ("" is its top), perhaps as the first
/// commit of all.
///
/// # Errors
/// [`WriteFailure::AlreadyAVault`] if `fleetvault.toml` is there; otherwise as [`write`].
pub fn write_new(
    repository: &Repository,
    directory: &str,
    options: &WriteOptions,
    request: &CommitRequest,
) -> Result<Written, WriteFailure> {
    if !directory.is_empty() {
        check_path(directory)?;
    }
    let run = Run::start(repository, options)?;
    for _ in 0..TRIES {
        let target = target::choose(repository, options.branch.as_deref())?;
        let snapshot = Snapshot::of_commit(repository, target.base)?.in_directory(directory)?;
        if snapshot.contains(VAULT_FILE)? {
            return Err(WriteFailure::AlreadyAVault(join(directory, VAULT_FILE)));
        }
        if let Some(written) = run.attempt(&target, &snapshot, request)? {
            return Ok(written);
        }
    }
    Err(run.busy())
}

/// A command that is being written.
struct Run<'r> {
    repository: &'r Repository,
    options: &'r WriteOptions,
    identity: Identity,
    /// Locked; none in a dry run.
    state: Option<StateDir>,
    left_alone: Vec<String>,
}

/// What is written, if the branch still is where it was.
struct Attempt<'a> {
    target: &'a Target,
    base: &'a Snapshot<'a>,
    message: String,
    subject: &'a str,
    changes: Vec<Change<'a>>,
}

impl<'r> Run<'r> {
    fn start(repository: &'r Repository, options: &'r WriteOptions) -> Result<Self, WriteFailure> {
        repository.expect_writable()?;
        let identity = Identity::of_user(repository.git())?;
        let mut run = Self {
            repository,
            options,
            identity,
            state: None,
            left_alone: Vec::new(),
        };
        if !options.dry_run {
            // Asked first: a lock file is not left behind by what is refused anyway.
            target::choose(repository, options.branch.as_deref())?;
            let state = StateDir::lock(repository.common_dir(), options.wait)?;
            run.left_alone = recovery::recover(repository, &state)?;
            run.state = Some(state);
        }
        Ok(run)
    }

    /// Tries to commit; `None` if the branch has moved.
    fn attempt(
        &self,
        target: &Target,
        base: &Snapshot<'_>,
        request: &CommitRequest,
    ) -> Result<Option<Written>, WriteFailure> {
        let attempt = Attempt {
            target,
            base,
            message: commit::message(&request.subject, &request.trailers)?,
            subject: &request.subject,
            changes: changes(base, request)?,
        };
        let Some(state) = &self.state else {
            if target.checked_out {
                self.check(&Index::read(self.repository.git_dir())?, &attempt.changes)?;
            }
            return Ok(Some(self.written(&attempt, None, Vec::new())));
        };
        match self.repository.work_dir().filter(|_| target.checked_out) {
            Some(top) => self.commit_in_work_tree(state, top, &attempt),
            None => self.commit_aside(state, &attempt),
        }
    }

    /// Commits to a branch that the work tree does not show.
    fn commit_aside(&self, state: &StateDir, attempt: &Attempt<'_>) -> Result<Option<Written>, WriteFailure> {
        // So that a lock on the branch is known as ours, should this be killed.
        let (commit, objects) = self.make_commit(attempt)?;
        let journal = self.journal(attempt.target, commit, Vec::new(), Vec::new());
        objects.sync_with(vec![journal.write(state)?], state.path())?;
        let swapped = self.swap(state, attempt, commit);
        // Without files it has nothing to undo: if it stays, the next run removes it.
        let _ = Journal::remove(state);
        Ok(match swapped? {
            Swap::Done => Some(self.written(attempt, Some(commit), Vec::new())),
            Swap::Moved => None,
        })
    }

    /// Commits to the branch that the work tree shows; files and index follow, before it moves.
    fn commit_in_work_tree(
        &self,
        state: &StateDir,
        top: &Path,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Written>, WriteFailure> {
        // Signing may ask for a passphrase: not while git's index is locked.
        let signed = if self.identity.signs() {
            self.check(&Index::read(self.repository.git_dir())?, &attempt.changes)?;
            Some(self.make_commit(attempt)?)
        } else {
            None
        };
        let Some(checkout) = self.check_out(state, top, attempt)? else {
            return Ok(None);
        };
        let (commit, objects) = match signed {
            Some(made) => made,
            None => self.make_commit(attempt)?,
        };
        let Checkout {
            lock,
            index,
            files,
            directories,
        } = checkout;
        let journal = self.journal(attempt.target, commit, files, directories);
        let done = prepare(state, top, &journal, &objects, &attempt.changes)
            .and_then(|()| place(state, top, &journal, index, &lock))
            .and_then(|()| self.swap(state, attempt, commit));
        let failure = match done {
            Ok(Swap::Done) => {
                let left_alone = recovery::tidy(state, top, &journal);
                return Ok(Some(self.written(attempt, Some(commit), left_alone)));
            }
            Ok(Swap::Moved) => None,
            // Files and index stay with the branch, and the journal, should the power fail now.
            Err(error @ WriteFailure::NotSynced { .. }) => return Err(error),
            Err(error) => Some(error),
        };
        match (self.take_back(state, top, &journal, &lock), failure) {
            (Ok(()), None) => Ok(None),
            (Ok(()), Some(failure)) => Err(failure),
            (Err(error), None) => Err(error),
            (Err(second), Some(first)) => Err(WriteFailure::NotUndone {
                first: Box::new(first),
                second: Box::new(second),
            }),
        }
    }

    fn written(&self, attempt: &Attempt<'_>, commit: Option<Oid>, left_alone: Vec<String>) -> Written {
        let target = attempt.target;
        Written {
            commit: commit.map(CommitId::from),
            branch: target.branch.clone(),
            branch_is_new: target.tip.is_none(),
            paths: attempt.changes.iter().map(|c| c.short.to_owned()).collect(),
            work_tree: match () {
                () if self.repository.is_bare() => WorkTree::Bare,
                () if target.checked_out => WorkTree::Updated,
                () => WorkTree::OtherBranch,
            },
            left_alone: self.left_alone.iter().cloned().chain(left_alone).collect(),
        }
    }

    /// Writes the objects: nothing refers to them yet, and they are still to be synced to disk.
    fn make_commit(&self, attempt: &Attempt<'_>) -> Result<(Oid, Objects<'r>), WriteFailure> {
        let leaves: Vec<Leaf<'_>> = attempt
            .changes
            .iter()
            .map(|change| Leaf {
                path: &change.path,
                contents: change.contents,
            })
            .collect();
        let mut objects = Objects::new(self.repository.git())?;
        let tree = objects.write_tree(attempt.base, &leaves)?;
        let parent = attempt.target.base;
        let commit = commit::create(
            self.repository.git(),
            &self.identity,
            &attempt.message,
            tree,
            parent.as_slice(),
        )?;
        objects.add(commit);
        Ok((commit, objects))
    }

    fn journal(&self, target: &Target, commit: Oid, files: Vec<JournalFile>, directories: Vec<String>) -> Journal {
        let common = self.repository.common_dir();
        let git_dir = self.repository.git_dir();
        // Relative, so that it still holds after the repository was moved.
        let git_dir = git_dir.strip_prefix(common).unwrap_or(git_dir);
        Journal {
            git_dir: git_dir.to_string_lossy().into_owned(),
            reference: target.reference.clone(),
            commit,
            directories,
            files,
        }
    }

    fn swap(&self, state: &StateDir, attempt: &Attempt<'_>, commit: Oid) -> Result<Swap, WriteFailure> {
        let kind = match attempt.target.base {
            Some(_) => "commit",
            None => "commit (initial)",
        };
        let to = Move {
            reference: &attempt.target.reference,
            expected: attempt.target.tip,
            new: commit,
            who: &self.identity.committer,
            message: &format!("{kind}: {}", attempt.subject),
        };
        swap::swap(self.repository.git(), &to, state.patience())
    }

    fn busy(&self) -> WriteFailure {
        let branch = match (&self.options.branch, self.repository.head()) {
            (Some(branch), _) => branch.clone(),
            (None, HeadState::Branch(branch) | HeadState::Unborn(branch)) => branch,
            (None, HeadState::Detached) => "HEAD".to_owned(),
        };
        WriteFailure::Busy { branch, tries: TRIES }
    }
}
