//! A vault in a git repository.
//!
//! [`Vault`] is one commit as typed files, each checked against the root's authors and against what this machine remembers (`trust`) before
//! anybody sees it. Below it, `git` knows paths and bytes only, reads commits, and writes one command as one commit.

mod files;
mod git;
pub mod trust;

pub use files::{FileError, FileProblem, Vault, floors_directory};
pub use git::{
    Access, BlobId, Child, CommitId, CommitRequest, Conflict, Difference, EntryKind, FileChange, FileVersion, GitError,
    HeadState, History, InProgress, MAX_FILE, Merged, Operation, PathError, Place, ReadError, Remembered, Repository,
    RepositoryError, Seen, Side, SideCommit, Snapshot, SnapshotError, Stage, TreeFile, VAULT_FILE, Versions, WorkTree,
    WriteError, WriteFailure, WriteOptions, Written, check_path, init_repository, resolve, write, write_new,
};
