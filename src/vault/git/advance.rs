//! Moving the current branch to a commit that is there already, as a fetch brought it or a replay made it. Files and index follow before the
//! branch does; changes of the user in other files stay. Whoever is killed in between is put back by the next run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{Oid, Signature};

use super::at_work;
use super::changes::Difference;
use super::commit::Identity;
use super::error::{Doing, WriteFailure, git};
use super::id::{CommitId, full_oid};
use super::index::Index;
use super::journal::Journal;
use super::lock::{self, StateDir, remove_if_there};
use super::recovery;
use super::repository::Repository;
use super::swap::{self, Move, Swap};
use super::sync::sync_all;
use super::target;

/// How an advance ended, when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// The branch is where it was to go.
    Done,
    /// Somebody else has moved the branch, or checked out another one, in the meantime; nothing has changed.
    Moved,
}

/// One sync at a time in a repository. Commands that write do not wait for it: it is held while the network is waited for.
pub struct SyncLock {
    _file: File,
}

impl SyncLock {
    /// Waits for the lock, up to `limit`.
    ///
    /// # Errors
    /// [`WriteFailure::Locked`]; those of the file system.
    pub fn take(repository: &Repository, limit: Duration) -> Result<Self, WriteFailure> {
        let directory = directory(repository);
        fs::create_dir_all(&directory).doing("create the directory", &directory)?;
        let path = directory.join("lock");
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .doing("open", &path)?;
        lock::wait(&file, &path, limit)?;
        Ok(Self { _file: file })
    }
}

/// Moves the current branch from one commit to another. `checkout` has the files and the index, at the path that it is given, follow
/// from the first to the second; it must change nothing where it fails.
///
/// # Errors
/// What `checkout` returns, or a [`WriteFailure`]. The branch is where it was then, but for [`WriteFailure::NotSynced`].
pub fn advance<E: From<WriteFailure>>(
    repository: &Repository,
    from: CommitId,
    to: CommitId,
    message: &str,
    checkout: impl Fn(CommitId, CommitId, &Path) -> Result<(), E>,
) -> Result<Advance, E> {
    repository.expect_writable().map_err(WriteFailure::from)?;
    let state = StateDir::lock(repository.common_dir(), Duration::from_secs(30))?;
    recovery::recover(repository, &state)?;
    let checkout = |from, to| at_work::with_index(repository, &state, |index| checkout(from, to, index));
    let target = target::choose(repository, None)?;
    put_back(repository, target.tip, &checkout)?;
    if target.tip != Some(from.oid()) {
        return Ok(Advance::Moved);
    }
    let moving = Moving { from, to };
    if target.checked_out {
        moving.note(repository)?;
        if let Err(error) = checkout(from, to) {
            // Where this fails too, on a full disk, the next run does it.
            if moving.restore_files(repository).is_ok() {
                forget(repository)?;
            }
            return Err(error);
        }
    }
    // So that a lock on the branch is known as ours, should this be killed.
    let git_dir = repository.git_dir();
    let git_dir = git_dir.strip_prefix(repository.common_dir()).unwrap_or(git_dir);
    let journal = Journal {
        git_dir: git_dir.to_string_lossy().into_owned(),
        reference: target.reference.clone(),
        commit: to.oid(),
        directories: Vec::new(),
        files: Vec::new(),
    };
    sync_all(&[journal.write(&state)?])?;
    let who = who(repository)?;
    let step = Move {
        reference: &target.reference,
        expected: Some(from.oid()),
        new: to.oid(),
        who: &who,
        message,
    };
    let swapped = swap::swap(repository.git(), &step, state.patience());
    let _ = Journal::remove(&state);
    match swapped {
        Ok(Swap::Done) => {
            forget(repository)?;
            return Ok(Advance::Done);
        }
        Err(error @ WriteFailure::NotSynced { .. }) => {
            forget(repository)?;
            return Err(error.into());
        }
        Ok(Swap::Moved) | Err(_) if !target.checked_out => {}
        Ok(Swap::Moved) | Err(_) => {
            checkout(to, from)?;
            forget(repository)?;
        }
    }
    swapped.map(|_| Advance::Moved).map_err(E::from)
}

/// Puts back what an advance before left that was killed, if there was one.
///
/// # Errors
/// As [`advance`].
pub fn put_back_interrupted<E: From<WriteFailure>>(
    repository: &Repository,
    checkout: impl Fn(CommitId, CommitId, &Path) -> Result<(), E>,
) -> Result<(), E> {
    if !note_path(repository).exists() {
        return Ok(());
    }
    let state = StateDir::lock(repository.common_dir(), Duration::from_secs(30))?;
    recovery::recover(repository, &state)?;
    let checkout = |from, to| at_work::with_index(repository, &state, |index| checkout(from, to, index));
    let target = target::choose(repository, None)?;
    put_back(repository, target.tip, &checkout)
}

/// Puts files and index back that an advance before this one had moved, and not the branch.
fn put_back<E: From<WriteFailure>>(
    repository: &Repository,
    tip: Option<Oid>,
    checkout: &impl Fn(CommitId, CommitId) -> Result<(), E>,
) -> Result<(), E> {
    let Some(moving) = Moving::read(repository)? else {
        return Ok(());
    };
    let is_there = |commit: CommitId| repository.git().find_commit(commit.oid()).is_ok();
    if is_there(moving.to) && repository.has_gone_on(tip, moving.from)? {
        // The index follows last and at once. Where it has not, git would take files that were written for the user's.
        let has_moved = moving.has_index_moved(repository)?;
        let is_at_start = tip == Some(moving.from.oid());
        if has_moved && is_at_start {
            checkout(moving.to, moving.from)?;
        }
        // On any other commit with these files staged, somebody has gone on from there, with git and with eyes open.
        if is_at_start || !has_moved {
            moving.restore_files(repository)?;
        }
    }
    Ok(forget(repository)?)
}

/// Files and index on their way from one commit to another, noted on disk.
struct Moving {
    from: CommitId,
    to: CommitId,
}

impl Moving {
    fn note(&self, repository: &Repository) -> Result<(), WriteFailure> {
        let path = note_path(repository);
        let directory = directory(repository);
        fs::create_dir_all(&directory).doing("create the directory", &directory)?;
        fs::write(&path, format!("{} {}\n", self.from, self.to)).doing("write", &path)?;
        sync_all(&[path, directory])
    }

    /// Tells whether the index has what the move was to bring, in any file that it was to change.
    fn has_index_moved(&self, repository: &Repository) -> Result<bool, WriteFailure> {
        let index = Index::read(repository.git_dir())?;
        let differences = repository.differences(self.from, self.to)?;
        let is_new = |change: &Difference| index.id(&change.path) == change.after.map(|side| side.id.oid());
        Ok(differences.iter().filter(|change| change.is_text).any(is_new))
    }

    /// Puts those files back that were written, or half written, and that the index knows nothing of. Whatever else stands in their place is
    /// the user's, and left alone.
    fn restore_files(&self, repository: &Repository) -> Result<(), WriteFailure> {
        let Some(top) = repository.work_dir() else {
            return Ok(());
        };
        let mut options = git2::build::CheckoutBuilder::new();
        options.force().disable_pathspec_match(true).update_index(false);
        let mut any = false;
        let index = Index::read(repository.git_dir())?;
        for change in repository.differences(self.from, self.to)? {
            // Committed or staged since.
            if index.id(&change.path) != change.before.map(|side| side.id.oid()) {
                continue;
            }
            let path = top.join(&change.path);
            let there = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => Some(fs::read(&path).doing("read", &path)?),
                Ok(_) => continue,
                Err(_) => None,
            };
            let written = match (&there, &change.after) {
                (Some(there), Some(after)) => starts_with(repository, after.id.oid(), there)?,
                (Some(_), None) => false,
                (None, _) => true,
            };
            let is_old = match (&there, &change.before) {
                (Some(there), Some(before)) => {
                    let id = Oid::hash_object(git2::ObjectType::Blob, there).map_err(git("hash a file"))?;
                    id == before.id.oid()
                }
                _ => false,
            };
            match change.before {
                _ if is_old || !written => {}
                Some(_) => {
                    options.path(&change.path);
                    any = true;
                }
                None => remove_if_there(&path)?,
            }
        }
        if any {
            let done = repository.git().checkout_index(None, Some(&mut options));
            done.map_err(git("put files back"))?;
        }
        Ok(())
    }

    /// `None` also where it was cut off: then nothing was moved yet.
    fn read(repository: &Repository) -> Result<Option<Self>, WriteFailure> {
        let Ok(text) = fs::read_to_string(note_path(repository)) else {
            return Ok(None);
        };
        let both = text.strip_suffix('\n').and_then(|text| text.split_once(' '));
        Ok(both.and_then(|(from, to)| {
            Some(Self {
                from: full_oid(from)?.into(),
                to: full_oid(to)?.into(),
            })
        }))
    }
}

/// Tells whether a file is the beginning of a blob.
fn starts_with(repository: &Repository, blob: Oid, file: &[u8]) -> Result<bool, WriteFailure> {
    let odb = repository.git().odb().map_err(git("read an object"))?;
    match odb.read(blob) {
        Ok(object) => Ok(object.data().starts_with(file)),
        // A submodule, say.
        Err(_) => Ok(false),
    }
}

fn forget(repository: &Repository) -> Result<(), WriteFailure> {
    remove_if_there(&note_path(repository))
}

/// Each work tree has one of its own.
fn note_path(repository: &Repository) -> PathBuf {
    let name = match repository.git_dir().strip_prefix(repository.common_dir()) {
        Ok(below) => below.to_string_lossy().replace('/', "-"),
        Err(_) => String::new(),
    };
    directory(repository).join(format!("moving{name}"))
}

fn directory(repository: &Repository) -> PathBuf {
    StateDir::path_in(repository.common_dir()).join("sync")
}

/// Whom the log of the branch names. A machine that only follows need not be told who it is.
fn who(repository: &Repository) -> Result<Signature<'static>, WriteFailure> {
    match Identity::of_user(repository.git()) {
        Ok(identity) => Ok(identity.committer),
        Err(WriteFailure::NoIdentity) => {
            Signature::now("fleetvault", "fleetvault@localhost").map_err(git("write the log of the branch"))
        }
        Err(error) => Err(error),
    }
}

impl Repository {
    /// Tells whether a branch is at a commit, or behind it.
    fn has_gone_on(&self, tip: Option<Oid>, from: CommitId) -> Result<bool, WriteFailure> {
        tip.map_or(Ok(false), |tip| self.is_or_follows(tip.into(), from))
    }

    /// Points a reference of fleetvault's own, or that of an upstream's last state, at a commit.
    ///
    /// # Errors
    /// libgit2's.
    pub fn set_reference(&self, name: &str, to: CommitId, message: &str) -> Result<(), WriteFailure> {
        let set = self.git().reference(name, to.oid(), true, message);
        set.map(drop).map_err(git("move a reference"))
    }

    /// Removes a reference, if it is there.
    ///
    /// # Errors
    /// libgit2's.
    pub fn remove_reference(&self, name: &str) -> Result<(), WriteFailure> {
        match self.git().find_reference(name) {
            Ok(mut found) => found.delete().map_err(git("remove a reference")),
            Err(_) => Ok(()),
        }
    }
}
