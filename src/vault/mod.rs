//! A vault in a git repository.
//!
//! [`Vault`] is one commit as typed files, each checked against the root's authors and against what this machine remembers (`trust`) before
//! anybody sees it. Below it, `git` knows paths and bytes only, reads commits, and writes one command as one commit.

mod files;
mod git;
pub mod trust;

pub use files::{FileError, FileProblem, Vault, floors_directory};
pub use git::{
    Access, BlobId, Child, CommitId, CommitRequest, EntryKind, FileChange, FileVersion, GitError, HeadState, History,
    MAX_FILE, PathError, Place, ReadError, Remembered, Repository, RepositoryError, Seen, Snapshot, SnapshotError,
    TreeFile, VAULT_FILE, Versions, WorkTree, WriteError, WriteFailure, WriteOptions, Written, check_path,
    init_repository, write, write_new,
};
