//! Git: reading one commit, and writing one command as one commit.
//!
//! This is the only place that uses git2, and none of its types leave it. It knows paths and bytes;
//! what is in the files, and whether to believe it, is decided above. It never prints, never reaches
//! the network, and while reading never starts a program.

mod advance;
mod at_work;
mod changes;
mod commit;
mod conflict;
mod entry;
mod error;
mod history;
mod id;
mod index;
mod journal;
mod libgit2;
mod listing;
mod lock;
mod objects;
mod operation;
mod path;
mod planted;
mod recovery;
mod reference;
mod replay;
mod repository;
mod request;
mod resolve;
mod snapshot;
mod store;
mod swap;
mod sync;
mod target;
mod transaction;
mod tree;
mod upstream;
mod worktree;

pub use advance::{Advance, SyncLock, advance, put_back_interrupted};
pub use at_work::Work;
pub use changes::{Difference, Side};
pub use conflict::{Conflict, Stage};
pub use entry::EntryKind;
pub use error::{GitError, ReadError, RepositoryError, SnapshotError, WriteError, WriteFailure};
pub use history::{FileVersion, History, Seen, Versions};
pub use id::{BlobId, CommitId, NotACommitId};
pub use listing::{Child, TreeFile};
pub use operation::{InProgress, Operation, SideCommit};
pub use path::{PathError, check_path};
pub use reference::HeadState;
pub use replay::{Like, Merging, Replay};
pub use repository::{Repository, init_repository};
pub use request::{CommitRequest, FileChange};
pub use resolve::{Merged, resolve};
pub use snapshot::{Place, Snapshot};
pub use store::Remembered;
pub use target::check_branch;
pub use transaction::{WorkTree, WriteOptions, Written, write, write_new};
pub use upstream::{Parting, Upstream, UpstreamError};

/// What a repository is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads commits, also of a repository that somebody else owns.
    Read,
    /// Writes commits; the repository must be the user's own, by git's rules (`safe.directory`).
    Write,
}

/// The file that makes a directory a vault.
pub const VAULT_FILE: &str = "fleetvault.toml";

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 4 * 1024 * 1024;
