//! References: what HEAD is, what a name means, and moving a branch by compare-and-swap.
//! Reading and moving only; never deletes one.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::error::{Doing, SnapshotError, WriteFailure, git};
use super::id::full_oid;
use super::repository::HeadState;

/// How long a lock of a killed run stays before it is taken for that.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// How many annotated tags may point at one another.
const MAX_TAGS: usize = 8;

/// Returns what HEAD is.
pub(super) fn head(git: &Repository) -> HeadState {
    let Ok(head) = git.find_reference("HEAD") else {
        return HeadState::Detached;
    };
    let Ok(Some(target)) = head.symbolic_target() else {
        return HeadState::Detached;
    };
    let Some(branch) = target.strip_prefix("refs/heads/") else {
        return HeadState::Detached;
    };
    match git.refname_to_id(target) {
        Err(error) if error.code() == ErrorCode::NotFound => HeadState::Unborn(branch.to_owned()),
        _ => HeadState::Branch(branch.to_owned()),
    }
}

/// Finds the commit that a name means.
pub(super) fn resolve(git: &Repository, name: &str) -> Result<Oid, SnapshotError> {
    let failed = |error: git2::Error| SnapshotError::Git {
        reference: name.to_owned(),
        error: error.into(),
    };
    let missing = || SnapshotError::NoSuchReference(name.to_owned());
    if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) {
        return Err(missing());
    }
    if name == "HEAD" {
        return match git.refname_to_id(name) {
            Ok(id) => peel(git, name, id),
            Err(error) if error.code() == ErrorCode::NotFound => match head(git) {
                HeadState::Unborn(branch) => Err(SnapshotError::Unborn(branch)),
                _ => Err(failed(error)),
            },
            Err(error) => Err(failed(error)),
        };
    }
    // As git does: forty hex digits are an id, whatever branch has that name.
    if let Some(id) = full_oid(name) {
        return peel(git, name, id);
    }
    if name.contains(['~', '^']) {
        return match git.revparse_single(name) {
            Ok(object) => peel(git, name, object.id()),
            Err(_) => Err(missing()),
        };
    }
    match git.resolve_reference_from_short_name(name) {
        Ok(reference) => match reference.target() {
            Some(id) => peel(git, name, id),
            None => Err(missing()),
        },
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => abbreviated(git, name),
        Err(error) => Err(failed(error)),
    }
}

fn abbreviated(git: &Repository, name: &str) -> Result<Oid, SnapshotError> {
    let missing = || SnapshotError::NoSuchReference(name.to_owned());
    if name.len() < 4 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(missing());
    }
    match git.find_commit_by_prefix(name) {
        Ok(commit) => Ok(commit.id()),
        Err(error) if error.code() == ErrorCode::Ambiguous => Err(SnapshotError::Ambiguous(name.to_owned())),
        Err(_) => Err(missing()),
    }
}

/// Follows annotated tags to the commit.
fn peel(git: &Repository, name: &str, mut id: Oid) -> Result<Oid, SnapshotError> {
    let failed = |error: git2::Error| match error.code() {
        ErrorCode::NotFound if full_oid(name).is_some() => SnapshotError::NoSuchReference(name.to_owned()),
        _ => SnapshotError::Git {
            reference: name.to_owned(),
            error: error.into(),
        },
    };
    let odb = git.odb().map_err(failed)?;
    for _ in 0..MAX_TAGS {
        let (_, kind) = odb.read_header(id).map_err(failed)?;
        match kind {
            ObjectType::Commit => return Ok(id),
            ObjectType::Tag => id = git.find_tag(id).map_err(failed)?.target_id(),
            other => {
                return Err(SnapshotError::NotACommit {
                    reference: name.to_owned(),
                    found: other.str().to_owned(),
                });
            }
        }
    }
    Err(SnapshotError::NotACommit {
        reference: name.to_owned(),
        found: "tag".to_owned(),
    })
}

/// Returns what a reference points at, `None` if it does not exist.
pub(super) fn tip(git: &Repository, reference: &str) -> Result<Option<Oid>, WriteFailure> {
    match git.refname_to_id(reference) {
        Ok(id) => Ok(Some(id)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(WriteFailure::Git {
            doing: "read the branch",
            error: error.into(),
        }),
    }
}

/// Refuses a new branch whose name is a directory of other branches, or the other way round.
pub(super) fn check_free(git: &Repository, reference: &str) -> Result<(), WriteFailure> {
    let taken = || WriteFailure::BadBranch(reference.replacen("refs/heads/", "", 1));
    let mut parent = reference;
    while let Some((above, _)) = parent.rsplit_once('/') {
        parent = above;
        if parent.len() > "refs/heads".len() && tip(git, parent)?.is_some() {
            return Err(taken());
        }
    }
    // The name is valid, and no valid name has a character that means something in a pattern.
    let mut below = git
        .references_glob(&format!("{reference}/*"))
        .map_err(super::error::git("list the branches"))?;
    match below.next() {
        Some(_) => Err(taken()),
        None => Ok(()),
    }
}

/// How a compare-and-swap ended, when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swap {
    Done,
    /// The branch no longer is where it was.
    Moved,
}

/// Moves a branch from `expected` (`None`: it does not exist) to `new`, with a line in its log.
pub(super) fn swap(
    repository: &Repository,
    reference: &str,
    expected: Option<Oid>,
    new: Oid,
    who: &git2::Signature<'_>,
    message: &str,
    patience: Duration,
) -> Result<Swap, WriteFailure> {
    let started = Instant::now();
    loop {
        let mut transaction = repository.transaction().map_err(git("start moving the branch"))?;
        match transaction.lock_ref(reference) {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::Locked => {
                if started.elapsed() > patience {
                    return Err(WriteFailure::GitLocked(lock_path(repository, reference)));
                }
                sleep(Duration::from_millis(20));
                continue;
            }
            Err(error) => return Err(git("lock the branch")(error)),
        }
        if tip(repository, reference)? != expected {
            return Ok(Swap::Moved);
        }
        transaction
            .set_target(reference, new, Some(who), message)
            .map_err(git("move the branch"))?;
        transaction.commit().map_err(git("move the branch"))?;
        return Ok(Swap::Done);
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
            return remove_file(&path);
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

fn remove_file(path: &Path) -> Result<(), WriteFailure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).doing("remove", path),
        _ => Ok(()),
    }
}
