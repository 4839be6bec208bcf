//! Which branch a command commits to, and whether that is one to commit to now. Decides only.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, RepositoryState};

use super::error::{WriteFailure, git};
use super::reference::{check_free, head, tip};
use super::repository::{HeadState, Repository};

/// The branch that a commit goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Its name, without `refs/heads/`.
    pub branch: String,
    /// Its full name.
    pub reference: String,
    /// Where it is; none if it is to be made.
    pub tip: Option<Oid>,
    /// The commit to build on; none for the first of all.
    pub base: Option<Oid>,
    /// The work tree shows this branch, and has to follow.
    pub checked_out: bool,
}

/// Finds out where a commit goes: on the branch that was named, else on the current one.
pub(super) fn choose(repository: &Repository, branch: Option<&str>) -> Result<Target, WriteFailure> {
    let git = repository.git();
    let head = head(git);
    let current = match &head {
        HeadState::Branch(name) | HeadState::Unborn(name) => Some(name.as_str()),
        HeadState::Detached => None,
    };
    let name = match (branch, current) {
        (Some(branch), _) => {
            check_name(branch)?;
            branch
        }
        (None, Some(current)) => current,
        (None, None) => return Err(WriteFailure::DetachedHead),
    };
    let reference = format!("refs/heads/{name}");
    let tip = tip(git, &reference)?;
    let base = match tip {
        Some(tip) => Some(tip),
        None => {
            check_free(git, &reference)?;
            head_commit(repository)?
        }
    };
    let target = Target {
        branch: name.to_owned(),
        reference,
        tip,
        base,
        checked_out: current == Some(name) && !repository.is_bare(),
    };
    if target.checked_out {
        check_not_in_progress(git)?;
    } else if let Some(path) = checked_out_in(repository, &target.reference) {
        let branch = target.branch;
        return Err(WriteFailure::CheckedOutElsewhere { branch, path });
    }
    Ok(target)
}

fn check_name(branch: &str) -> Result<(), WriteFailure> {
    let valid = git2::Branch::name_is_valid(branch).unwrap_or(false);
    if !valid || branch == "HEAD" || branch.starts_with('-') {
        return Err(WriteFailure::BadBranch(branch.to_owned()));
    }
    Ok(())
}

fn head_commit(repository: &Repository) -> Result<Option<Oid>, WriteFailure> {
    match repository.git().refname_to_id("HEAD") {
        Ok(id) => Ok(Some(id)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(git("read HEAD")(error)),
    }
}

fn check_not_in_progress(git: &git2::Repository) -> Result<(), WriteFailure> {
    let what = match git.state() {
        // A bisection is on no branch, so that one on a branch is over.
        RepositoryState::Clean | RepositoryState::Bisect => return Ok(()),
        RepositoryState::Merge => "merge",
        RepositoryState::Revert | RepositoryState::RevertSequence => "revert",
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "cherry-pick",
        RepositoryState::ApplyMailbox => "git am",
        _ => "rebase",
    };
    Err(WriteFailure::InProgress(what))
}

/// Finds another work tree that has this branch checked out.
fn checked_out_in(repository: &Repository, reference: &str) -> Option<PathBuf> {
    let common = repository.common_dir();
    let here = repository.git_dir().canonicalize().ok()?;
    let shows = |git_dir: &Path| {
        let head = fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default();
        let other = git_dir.canonicalize().is_ok_and(|there| there != here);
        other && head.trim().strip_prefix("ref: ") == Some(reference)
    };
    if common.file_name() == Some(".git".as_ref()) && shows(common) {
        return common.parent().map(Path::to_owned);
    }
    for entry in fs::read_dir(common.join("worktrees")).ok()?.flatten() {
        let git_dir = entry.path();
        if !shows(&git_dir) {
            continue;
        }
        let link = fs::read_to_string(git_dir.join("gitdir")).unwrap_or_default();
        let link = git_dir.join(link.trim());
        // One that was deleted stays listed until git prunes it.
        if link.exists() {
            return link.parent().map(Path::to_owned);
        }
    }
    None
}
