//! A vault in a git repository.
//!
//! [`Vault`] is one commit as typed files, each checked against the root's authors and against what this machine remembers (`trust`) before
//! anybody sees it. Below it, `git` knows paths and bytes only, reads commits, and writes one command as one commit.

mod files;
mod git;
mod parallel;
mod past;
mod remote;
pub mod trust;

pub use files::{FileError, FileProblem, Vault, floors_directory};
pub use git::{
    Access, Advance, BlobId, Child, CommitId, CommitRequest, Conflict, Difference, EntryKind, FileChange, FileVersion,
    GitError, HeadState, History, InProgress, Like, MAX_FILE, Merged, Merging, NotACommitId, Operation, Parting,
    PathError, Place, ReadError, Remembered, Replay, Repository, RepositoryError, Seen, Side, SideCommit, Snapshot,
    SnapshotError, Stage, SyncLock, TreeFile, Upstream, UpstreamError, VAULT_FILE, Versions, WorkTree, WriteError,
    WriteFailure, WriteOptions, Written, advance, check_branch, check_path, init_repository, put_back_interrupted,
    resolve, write, write_new,
};
pub(crate) use parallel::in_parallel;
pub use past::Later;
pub(crate) use past::{later, with_history};
pub use remote::{Pushed, Remote, RemoteError, RemoteOptions};
