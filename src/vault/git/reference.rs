//! References: what HEAD is, and what a name means. Never changes one.

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::error::{SnapshotError, WriteFailure};
use super::id::full_oid;

/// How many annotated tags may point at one another.
const MAX_TAGS: usize = 8;

/// How many symbolic references may stand for one another, by git's rule.
const MAX_SYMBOLIC: usize = 5;

/// What HEAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadState {
    /// A branch, by its name without `refs/heads/`.
    Branch(String),
    /// A commit, or something else that is no branch.
    Detached,
    /// A branch without commits, by its name.
    Unborn(String),
}

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

/// Follows symbolic references to the one that holds a commit, which need not be there.
pub(super) fn follow(git: &Repository, name: &str) -> String {
    let mut name = name.to_owned();
    for _ in 0..MAX_SYMBOLIC {
        let target = git.find_reference(&name).ok();
        match target.and_then(|found| found.symbolic_target().ok().flatten().map(str::to_owned)) {
            Some(target) => name = target,
            None => break,
        }
    }
    name
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
    if let Some(at) = name.find(['~', '^']) {
        let base = resolve(git, &name[..at])?;
        return match git.revparse_single(&format!("{base}{}", &name[at..])) {
            Ok(object) => peel(git, name, object.id()),
            Err(_) => Err(missing()),
        };
    }
    // Branches before tags, unlike git: whoever can push can push a tag named like the protected branch, and every fetch follows it.
    let places = ["", "refs/heads/", "refs/remotes/", "refs/tags/", "refs/"];
    for place in places
        .iter()
        .filter(|place| !place.is_empty() || name.starts_with("refs/"))
    {
        match git.refname_to_id(&format!("{place}{name}")) {
            Ok(id) => return peel(git, name, id),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    match git.refname_to_id(&format!("refs/remotes/{name}/HEAD")) {
        Ok(id) => peel(git, name, id),
        Err(_) => abbreviated(git, name),
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

/// Returns the commit that something points at, over annotated tags; `None` where that is no commit.
pub(super) fn commit_at(git: &Repository, id: Oid) -> Result<Option<Oid>, SnapshotError> {
    match peel(git, &id.to_string(), id) {
        Ok(commit) => Ok(Some(commit)),
        Err(SnapshotError::NotACommit { .. }) => Ok(None),
        Err(error) => Err(error),
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
    let short = |name: &str| name.replacen("refs/heads/", "", 1);
    let taken = |other: &str| WriteFailure::BranchInTheWay {
        branch: short(reference),
        other: short(other),
    };
    let mut parent = reference;
    while let Some((above, _)) = parent.rsplit_once('/') {
        parent = above;
        if parent.len() > "refs/heads".len() && tip(git, parent)?.is_some() {
            return Err(taken(parent));
        }
    }
    // The name is valid, and no valid name has a character that means something in a pattern.
    let mut below = git
        .references_glob(&format!("{reference}/*"))
        .map_err(super::error::git("list the branches"))?;
    match below.names().next() {
        Some(other) => Err(taken(other.ok().unwrap_or(reference))),
        None => Ok(()),
    }
}
