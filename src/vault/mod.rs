//! A vault in a git repository.

mod git;

pub use git::{
    Access, BlobId, Child, CommitId, CommitRequest, EntryKind, FileChange, GitError, HeadState, MAX_FILE, PathError,
    Place, ReadError, Repository, RepositoryError, Snapshot, SnapshotError, TreeFile, VAULT_FILE, WorkTree, WriteError,
    WriteFailure, WriteOptions, Written, check_path, init_repository, write, write_new,
};
