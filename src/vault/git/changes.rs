//! What differs between two commits, in the whole repository, and where a branch left another. Reads trees; of files only those it is asked for.

use git2::{DiffOptions, ErrorCode, ObjectType, Oid};

use super::error::{ReadError, SnapshotError};
use super::id::{BlobId, CommitId};
use super::repository::Repository;
use super::tree::{EntryKind, lossy};

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
        let failed = |error: git2::Error| SnapshotError::Git {
            reference: match from {
                Some(from) => format!("{}..{}", from.short(), to.short()),
                None => to.short(),
            },
            error: error.into(),
        };
        let tree = |commit: CommitId| self.git().find_commit(commit.oid()).and_then(|commit| commit.tree());
        let before = from.map(tree).transpose().map_err(failed)?;
        let after = tree(to).map_err(failed)?;
        let mut options = DiffOptions::new();
        // A change of the kind of an entry is one change, and nobody's settings have a say.
        options
            .include_typechange(true)
            .ignore_submodules(false)
            .skip_binary_check(true);
        let diff = self
            .git()
            .diff_tree_to_tree(before.as_ref(), Some(&after), Some(&mut options))
            .map_err(failed)?;
        let side = |file: &git2::DiffFile<'_>| {
            let mode: u32 = file.mode().into();
            (mode != 0).then(|| Side {
                kind: EntryKind::from_mode(mode),
                id: BlobId::from(file.id()),
            })
        };
        let mut differences: Vec<Difference> = diff
            .deltas()
            .map(|delta| {
                let (old, new) = (delta.old_file(), delta.new_file());
                let path = new.path_bytes().or_else(|| old.path_bytes()).unwrap_or_default();
                Difference {
                    path: lossy(path).into_owned(),
                    is_text: std::str::from_utf8(path).is_ok(),
                    before: side(&old),
                    after: side(&new),
                }
            })
            .collect();
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
        let followed = self.followed();
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
        self.followed().is_some_and(|(name, own)| own && name == reference)
    }

    /// The reference that the current branch follows, and whether that has its name.
    fn followed(&self) -> Option<(String, bool)> {
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
