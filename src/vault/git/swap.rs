//! Moving a branch by compare-and-swap, synced to disk, with a line in its log. Never deletes one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use git2::{ErrorCode, Oid, ReferenceType, Repository, Signature};

use super::commit::signature;
use super::error::{Doing, WriteFailure, git};
use super::id::CommitId;
use super::lock::remove_if_there;
use super::reference::{follow, tip};
use super::sync::sync_all;

/// How long a lock of a killed run stays before it is taken for that.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// How a compare-and-swap ended, when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swap {
    Done,
    /// The branch no longer is where it was.
    Moved,
}

/// Where a branch is to move, and what its log says of it.
pub(super) struct Move<'m> {
    /// `refs/heads/…`
    pub reference: &'m str,
    /// Where it must be; `None`: it must not exist.
    pub expected: Option<Oid>,
    pub new: Oid,
    pub who: &'m Signature<'m>,
    pub message: &'m str,
}

/// Moves a branch, unless it has moved meanwhile. After every error but
/// [`WriteFailure::NotSynced`] it is where it was.
pub(super) fn swap(repository: &Repository, to: &Move<'_>, patience: Duration) -> Result<Swap, WriteFailure> {
    let direct = |reference: git2::Reference<'_>| reference.kind() == Some(ReferenceType::Direct);
    match to.expected {
        Some(expected) if repository.find_reference(to.reference).is_ok_and(direct) => {
            swap_file(repository, to, expected, patience)
        }
        // A new name can be in the way of others, which libgit2 knows about.
        _ => swap_by_libgit2(repository, to, patience),
    }
}

/// Moves an existing branch as git does: under its lock file, which becomes the reference. Libgit2 would sync each file and directory on
/// the way one after the other, the logs too, which takes as long as everything before; and syncing only afterwards could lose the branch
/// when the power fails in between.
fn swap_file(repository: &Repository, to: &Move<'_>, expected: Oid, patience: Duration) -> Result<Swap, WriteFailure> {
    let path = repository.commondir().join(to.reference);
    let directory = path.parent().unwrap_or(repository.commondir()).to_owned();
    // The branch may be in packed-refs only.
    fs::create_dir_all(&directory).doing("create the directory", &directory)?;
    let lock_path = lock_path(repository, to.reference);
    let mut lock = take(&lock_path, patience)?;
    let mut moved = || -> Result<bool, WriteFailure> {
        if tip(repository, to.reference)? != Some(expected) {
            return Ok(false);
        }
        writeln!(lock, "{}", to.new)
            .and_then(|()| lock.sync_all())
            .doing("write", &lock_path)?;
        replace(&lock_path, &path).doing("replace", &path)?;
        Ok(true)
    };
    let moved = moved();
    if !matches!(moved, Ok(true)) {
        remove_if_there(&lock_path)?;
        return moved.map(|_| Swap::Moved);
    }
    // The branch has moved: a log that cannot be written must not say otherwise.
    let mut written = log(repository, to, expected);
    written.push(directory);
    sync_all(&written).map_err(|cause| not_synced(to, cause))?;
    Ok(Swap::Done)
}

/// Puts the lock in place of the branch. A branch that is in packed-refs only can have an empty
/// directory there, left over from branches below that name: it is removed, as git does.
fn replace(lock: &Path, path: &Path) -> io::Result<()> {
    match fs::rename(lock, path) {
        Err(_) if path.is_dir() => {
            remove_empty(path)?;
            fs::rename(lock, path)
        }
        renamed => renamed,
    }
}

/// Removes a directory that has nothing in it but such directories.
fn remove_empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    fs::remove_dir(directory)
}

fn not_synced(to: &Move<'_>, cause: WriteFailure) -> WriteFailure {
    WriteFailure::NotSynced {
        commit: CommitId::from(to.new),
        branch: to.reference.replacen("refs/heads/", "", 1),
        cause: Box::new(cause),
    }
}

/// Takes a lock file as git does; a living git holds it for moments only.
fn take(lock: &Path, patience: Duration) -> Result<fs::File, WriteFailure> {
    let started = Instant::now();
    loop {
        match OpenOptions::new().write(true).create_new(true).open(lock) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.doing("create", lock),
        }
        if started.elapsed() > patience {
            return Err(WriteFailure::GitLocked(lock.to_owned()));
        }
        sleep(Duration::from_millis(20));
    }
}

/// Adds a line to the logs of the branch, and of HEAD where that is the branch, as
/// `core.logAllRefUpdates` says. Returns the files it could write.
fn log(repository: &Repository, to: &Move<'_>, old: Oid) -> Vec<PathBuf> {
    let wanted = is_logging(repository);
    let mut logs = vec![repository.commondir().join("logs").join(to.reference)];
    if follow(repository, "HEAD") == to.reference {
        logs.push(repository.path().join("logs/HEAD"));
    }
    let mut line = format!("{old} {} ", to.new).into_bytes();
    line.extend_from_slice(&signature(to.who));
    line.extend_from_slice(format!("\t{}\n", to.message).as_bytes());
    logs.retain(|log| (wanted || (log.exists() && !log.is_dir())) && append(log, &line).is_ok());
    logs
}

/// Reads `core.logAllRefUpdates` as git does.
fn is_logging(repository: &Repository) -> bool {
    let Ok(config) = repository.config().and_then(|mut config| config.snapshot()) else {
        return !repository.is_bare();
    };
    match config.get_bool("core.logallrefupdates") {
        Ok(wanted) => wanted,
        Err(error) if error.code() == ErrorCode::NotFound => !repository.is_bare(),
        Err(_) => config
            .get_string("core.logallrefupdates")
            .is_ok_and(|text| text.eq_ignore_ascii_case("always")),
    }
}

fn append(log: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(directory) = log.parent() {
        fs::create_dir_all(directory)?;
    }
    if log.is_dir() {
        // Left over from branches below that name.
        remove_empty(log)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).open(log)?;
    file.write_all(line)
}

fn swap_by_libgit2(repository: &Repository, to: &Move<'_>, patience: Duration) -> Result<Swap, WriteFailure> {
    let started = Instant::now();
    loop {
        let mut transaction = repository.transaction().map_err(git("start moving the branch"))?;
        match transaction.lock_ref(to.reference) {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::Locked => {
                if started.elapsed() > patience {
                    return Err(WriteFailure::GitLocked(lock_path(repository, to.reference)));
                }
                sleep(Duration::from_millis(20));
                continue;
            }
            Err(error) => return Err(git("lock the branch")(error)),
        }
        if tip(repository, to.reference)? != to.expected {
            return Ok(Swap::Moved);
        }
        transaction
            .set_target(to.reference, to.new, Some(to.who), to.message)
            .map_err(git("move the branch"))?;
        return match transaction.commit() {
            Ok(()) => Ok(Swap::Done),
            Err(error) => {
                let failure = git("move the branch")(error);
                let moved = tip(repository, to.reference).is_ok_and(|tip| tip == Some(to.new));
                Err(if moved { not_synced(to, failure) } else { failure })
            }
        };
    }
}

/// Removes the lock that a killed run left on its branch. It is that run's if it holds the commit
/// of that run; it may also still be empty, then only when nobody fills or removes it for a while.
pub(super) fn remove_stale_lock(repository: &Repository, reference: &str, commit: Oid) -> Result<(), WriteFailure> {
    let path = lock_path(repository, reference);
    let started = Instant::now();
    loop {
        let Ok(content) = std::fs::read(&path) else {
            return Ok(());
        };
        if content.trim_ascii() == commit.to_string().as_bytes()
            || (content.is_empty() && started.elapsed() > STALE_AFTER)
        {
            return remove_if_there(&path);
        }
        if !content.is_empty() {
            // Somebody else's, who will finish or be found by the compare-and-swap.
            return Ok(());
        }
        sleep(Duration::from_millis(20));
    }
}

fn lock_path(repository: &Repository, reference: &str) -> PathBuf {
    repository.commondir().join(format!("{reference}.lock"))
}
