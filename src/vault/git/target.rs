//! Which branch a command commits to, and whether that is one to commit to now. Decides only.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, RepositoryState};

use super::error::{WriteFailure, git};
use super::reference::HeadState;
use super::reference::{check_free, follow, head, tip};
use super::repository::Repository;

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

/// Checks that a branch is there, or could be made.
///
/// # Errors
/// [`WriteFailure::BadBranch`], [`WriteFailure::BranchInTheWay`].
pub fn check_branch(repository: &Repository, name: &str) -> Result<(), WriteFailure> {
    check_name(name)?;
    let reference = follow(repository.git(), &format!("refs/heads/{name}"));
    match tip(repository.git(), &reference)? {
        Some(_) => Ok(()),
        None => check_free(repository.git(), &reference),
    }
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
    // One that only stands for another branch stays, and that one moves, as with git.
    let reference = follow(git, &format!("refs/heads/{name}"));
    let Some(name) = reference.strip_prefix("refs/heads/") else {
        return Err(WriteFailure::BadBranch(name.to_owned()));
    };
    let name = name.to_owned();
    let current = current.map(|current| follow(git, &format!("refs/heads/{current}")));
    let tip = tip(git, &reference)?;
    let base = match tip {
        Some(tip) => Some(tip),
        None => {
            check_free(git, &reference)?;
            head_commit(repository)?
        }
    };
    let target = Target {
        checked_out: current.as_ref() == Some(&reference) && !repository.is_bare(),
        branch: name,
        reference,
        tip,
        base,
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
        let shown = head.trim().strip_prefix("ref: ");
        other && shown.is_some_and(|shown| follow(repository.git(), shown) == reference)
    };
    if !is_bare(common) && shows(common) {
        return Some(main_work_tree(common));
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

/// Tells whether a repository has no main work tree, whatever its directory is called.
fn is_bare(common: &Path) -> bool {
    main_setting(common, |config| config.get_bool("core.bare")).unwrap_or(false)
}

/// Returns where the main work tree is; where only it knows that, git's directory.
fn main_work_tree(common: &Path) -> PathBuf {
    match main_setting(common, |config| config.get_string("core.worktree")) {
        Some(path) => {
            let path = common.join(path);
            path.canonicalize().unwrap_or(path)
        }
        None if common.file_name() == Some(".git".as_ref()) => common.parent().unwrap_or(common).to_owned(),
        None => common.to_owned(),
    }
}

/// Reads a setting as the main work tree has it, from whichever work tree.
fn main_setting<T>(common: &Path, get: impl Fn(&git2::Config) -> Result<T, git2::Error>) -> Option<T> {
    let files = ["config.worktree", "config"].map(|name| common.join(name));
    let configs = files.iter().filter_map(|file| git2::Config::open(file).ok());
    configs.into_iter().find_map(|config| get(&config).ok())
}
