//! What differs between two commits, in the whole repository, and where a branch left another. Reads trees; of files only those it is asked for.

use git2::{ErrorCode, ObjectType, Oid};

use super::entry::{Entry, EntryKind, lossy};
use super::error::{ReadError, SnapshotError};
use super::id::{BlobId, CommitId};
use super::repository::Repository;
use super::snapshot::Snapshot;
use super::tree::RawTree;

/// How many paths and directories of two commits are compared, and how many bytes their paths have in all. A few small trees that name one
/// another can stand for billions.
const MAX_COMPARED: usize = 1_000_000;
const MAX_COMPARED_BYTES: usize = 256 * 1024 * 1024;

/// How deep directories may be: as deep as git itself reads them, by its `core.maxTreeDepth`.
const MAX_DEPTH: usize = 2048;

/// A path at which two commits differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path from the top of the repository, with what is no UTF-8 replaced.
    pub path: String,
    /// Whether the path is UTF-8.
    pub is_text: bool,
    /// What the first commit has there.
    pub before: Option<Side>,
    /// What the second commit has there.
    pub after: Option<Side>,
}

/// One side of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// What it is.
    pub kind: EntryKind,
    /// Its contents' id.
    pub id: BlobId,
}

impl Repository {
    /// Lists the paths at which two commits differ, sorted.
    ///
    /// # Errors
    /// A tree that cannot be read, in a shallow clone for example.
    pub fn differences(&self, from: CommitId, to: CommitId) -> Result<Vec<Difference>, SnapshotError> {
        self.differences_from(Some(from), to)
    }

    /// Lists the paths at which a commit differs from another, or from nothing at all, sorted.
    ///
    /// # Errors
    /// As [`Repository::differences`].
    pub fn differences_from(&self, from: Option<CommitId>, to: CommitId) -> Result<Vec<Difference>, SnapshotError> {
        let after = Snapshot::of_commit(self, Some(to.oid()))?;
        let before = match from {
            Some(from) => Snapshot::of_commit(self, Some(from.oid()))?.root(),
            None => None,
        };
        let mut differences = compare(&after, before, after.root())?;
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(differences)
    }

    /// Finds where two commits were last one; `None` where they have nothing in common.
    ///
    /// # Errors
    /// History that cannot be read.
    pub fn merge_base(&self, one: CommitId, other: CommitId) -> Result<Option<CommitId>, SnapshotError> {
        match self.git().merge_base(one.oid(), other.oid()) {
            Ok(base) => Ok(Some(CommitId::from(base))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(SnapshotError::Git {
                reference: format!("{}...{}", one.short(), other.short()),
                error: error.into(),
            }),
        }
    }

    /// Lists the commits that lead to `to` and to no reference of this repository, the newest first, each with its parents; at most `limit`.
    ///
    /// # Errors
    /// History that cannot be read.
    pub fn commits_not_here(
        &self,
        to: CommitId,
        limit: usize,
    ) -> Result<Vec<(CommitId, Vec<CommitId>)>, SnapshotError> {
        let failed = |error: git2::Error| SnapshotError::Git {
            reference: to.short(),
            error: error.into(),
        };
        let mut walk = self.git().revwalk().map_err(failed)?;
        walk.push(to.oid()).map_err(failed)?;
        walk.hide_glob("*").map_err(failed)?;
        let with_parents = |id: Result<Oid, git2::Error>| {
            let commit = id.and_then(|id| self.git().find_commit(id)).map_err(failed)?;
            let parents = commit.parent_ids().map(CommitId::from).collect();
            Ok((CommitId::from(commit.id()), parents))
        };
        walk.take(limit).map(with_parents).collect()
    }

    /// Tells whether a commit has an entry at a path, counted from the top of the tree.
    ///
    /// # Errors
    /// Trees that cannot be read.
    pub fn has_entry(&self, commit: CommitId, path: &str) -> Result<bool, SnapshotError> {
        let failed = |error: git2::Error| SnapshotError::Git {
            reference: commit.short(),
            error: error.into(),
        };
        let tree = self.git().find_commit(commit.oid()).and_then(|commit| commit.tree());
        match tree.map_err(failed)?.get_path(std::path::Path::new(path)) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Returns the parents of a commit.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub fn parents(&self, commit: CommitId) -> Result<Vec<CommitId>, SnapshotError> {
        let found = self
            .git()
            .find_commit(commit.oid())
            .map_err(|error| SnapshotError::Git {
                reference: commit.short(),
                error: error.into(),
            })?;
        Ok(found.parent_ids().map(CommitId::from).collect())
    }

    /// Tells whether a commit came after another, or is that one.
    ///
    /// # Errors
    /// History that cannot be read.
    pub fn contains(&self, commit: CommitId, earlier: CommitId) -> Result<bool, SnapshotError> {
        Ok(self.merge_base(commit, earlier)? == Some(earlier))
    }

    /// Returns the reference that the current branch goes to: the one that it follows, or the remote's own branch where it follows none, or
    /// nothing but its own copy there.
    pub fn upstream(&self) -> Option<String> {
        let followed = self.own_or_remote();
        let usual = || {
            let name = "refs/remotes/origin/HEAD";
            self.git().find_reference(name).is_ok().then(|| name.to_owned())
        };
        match followed {
            Some((name, true)) => usual().or(Some(name)),
            Some((name, false)) => Some(name),
            None => usual(),
        }
    }

    /// Tells whether a reference is where the current branch is pushed to under its own name.
    pub fn is_own_copy(&self, reference: &str) -> bool {
        self.own_or_remote().is_some_and(|(name, own)| own && name == reference)
    }

    /// The reference that the current branch follows, and whether that has its name.
    fn own_or_remote(&self) -> Option<(String, bool)> {
        let head = self.git().head().ok()?;
        let branch = head.name().ok()?;
        let name = self.git().branch_upstream_name(branch).ok()?;
        let name = name.as_str().ok()?;
        let short = branch.strip_prefix("refs/heads/")?;
        let remote = self.git().branch_upstream_remote(branch).ok();
        let remote = remote.as_ref().and_then(|remote| remote.as_str().ok());
        let own = remote.is_some_and(|remote| name == format!("refs/remotes/{remote}/{short}"));
        Some((name.to_owned(), own))
    }

    /// Returns the reference that another one stands for, or that one itself. It need not be there.
    pub fn behind(&self, reference: &str) -> String {
        super::reference::follow(self.git(), reference)
    }

    /// Tells whether history is cut off here, so that a commit may be missing that others have.
    pub fn is_shallow(&self) -> bool {
        self.git().is_shallow()
    }

    /// Reads a file's contents; `None` where it is larger than `limit`, which is found out without reading it.
    ///
    /// # Errors
    /// The object is missing or no file.
    pub fn contents(&self, id: BlobId, limit: usize) -> Result<Option<Vec<u8>>, ReadError> {
        let failed = |error: git2::Error| ReadError::Git {
            path: id.to_string(),
            error: error.into(),
        };
        let id: Oid = id.oid();
        let odb = self.git().odb().map_err(failed)?;
        let (size, kind) = odb.read_header(id).map_err(failed)?;
        if kind != ObjectType::Blob || size > limit {
            return Ok(None);
        }
        Ok(Some(odb.read(id).map_err(failed)?.data().to_vec()))
    }
}

/// A directory at which two trees differ.
struct Directory {
    path: Vec<u8>,
    depth: usize,
    before: Option<Oid>,
    after: Option<Oid>,
}

/// Compares two trees. Not with libgit2, which has no limits: of directories 20,000 deep it makes gigabytes.
fn compare(trees: &Snapshot<'_>, before: Option<Oid>, after: Option<Oid>) -> Result<Vec<Difference>, ReadError> {
    let empty = RawTree::default();
    let mut differences = Vec::new();
    let mut todo = vec![Directory {
        path: Vec::new(),
        depth: 0,
        before,
        after,
    }];
    let (mut compared, mut bytes) = (0, 0);
    while let Some(directory) = todo.pop() {
        let shown = lossy(&directory.path);
        if directory.depth > MAX_DEPTH {
            return Err(ReadError::TooDeep(shortened(&shown)));
        }
        let read = |id: Option<Oid>| id.map(|id| trees.store().tree(id, &shown)).transpose();
        let (old, new) = (read(directory.before)?, read(directory.after)?);
        let (old, new) = (old.as_deref().unwrap_or(&empty), new.as_deref().unwrap_or(&empty));
        let mut within = true;
        let each = |old: Option<Entry<'_>>, new: Option<Entry<'_>>| {
            let Some(name) = old.or(new).map(|entry| entry.name) else {
                return;
            };
            let path = match directory.path.is_empty() {
                true => name.to_vec(),
                false => [&directory.path, &b"/"[..], name].concat(),
            };
            (compared, bytes) = (compared + 1, bytes + path.len());
            within = within && compared <= MAX_COMPARED && bytes <= MAX_COMPARED_BYTES;
            if !within {
                return;
            }
            let ((before, old), (after, new)) = (sides(old), sides(new));
            if old.is_some() || new.is_some() {
                differences.push(Difference {
                    path: lossy(&path).into_owned(),
                    is_text: std::str::from_utf8(&path).is_ok(),
                    before: old,
                    after: new,
                });
            }
            if before.is_some() || after.is_some() {
                todo.push(Directory {
                    path,
                    depth: directory.depth + 1,
                    before,
                    after,
                });
            }
        };
        let read = old.differences(new, each);
        read.map_err(|reason| ReadError::BadTree {
            directory: shown.into_owned(),
            reason,
        })?;
        if !within {
            return Err(ReadError::TooMany {
                directory: "the change".to_owned(),
                limit: MAX_COMPARED,
            });
        }
    }
    Ok(differences)
}

/// An entry as a directory or as anything else.
fn sides(entry: Option<Entry<'_>>) -> (Option<Oid>, Option<Side>) {
    match entry {
        Some(Entry {
            kind: EntryKind::Directory,
            id,
            ..
        }) => (Some(id), None),
        Some(Entry { kind, id, .. }) => (None, Some(Side { kind, id: id.into() })),
        None => (None, None),
    }
}

/// The beginning of a path that is longer than a message should be.
fn shortened(path: &str) -> String {
    match path.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}
