//! What can go wrong between a vault and its git repository, by whose fault it is.
//! Holds texts and causes only; never decides what to do about them.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::entry::EntryKind;
use super::id::CommitId;
use super::path::PathError;

/// What libgit2 said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct GitError(String);

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        Self(error.message().trim_end_matches('.').to_owned())
    }
}

/// Why a repository cannot be used.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// There is no such directory.
    #[error("there is no directory {}", .0.display())]
    NoSuchDirectory(PathBuf),
    /// Neither the directory nor one above it is a git repository.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// Somebody else owns it, and it is to be written.
    #[error("the git repository at {} belongs to another user", .0.display())]
    OtherOwner(PathBuf),
    /// It is a file of another repository.
    #[error(
        "the git repository at {} is itself among the files of the one at {}: whoever pushes there decides what it says and runs",
        .path.display(), .top.display()
    )]
    Planted {
        /// Where it is.
        path: PathBuf,
        /// The top of the work tree that it came with.
        top: PathBuf,
    },
    /// It was opened for reading, which asks nobody's permission.
    #[error("the git repository at {} was opened for reading only", .0.display())]
    ReadOnly(PathBuf),
    /// The path cannot be written in UTF-8.
    #[error("the path {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// libgit2 refused it: damaged, or made with extensions it does not know.
    #[error("cannot open the git repository at {}: {error}", .path.display())]
    Git {
        /// Where it was looked for.
        path: PathBuf,
        /// What libgit2 said.
        error: GitError,
    },
}

/// Why a commit cannot be read as a vault.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// No branch, tag, reference or commit has this name.
    #[error("there is no branch, tag or commit '{0}'")]
    NoSuchReference(String),
    /// An abbreviated id fits several objects.
    #[error("'{0}' is short for more than one commit")]
    Ambiguous(String),
    /// The current branch has no commit yet.
    #[error("the branch '{0}' has no commits yet")]
    Unborn(String),
    /// It names something else.
    #[error("'{reference}' is a {found}, expected a commit")]
    NotACommit {
        /// The name as it was given.
        reference: String,
        /// `tree` or `blob`.
        found: String,
    },
    /// The tree holds no vault where it was looked for.
    #[error("commit {commit} has no fleetvault.toml {}", where_looked(.directory))]
    NoVault {
        /// The commit, abbreviated.
        commit: String,
        /// The directory from which it was looked for upwards.
        directory: String,
    },
    /// The tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// libgit2 failed on the way to the commit.
    #[error("cannot read '{reference}': {error}")]
    Git {
        /// The name as it was given.
        reference: String,
        /// What libgit2 said.
        error: GitError,
    },
}

fn where_looked(directory: &str) -> String {
    if directory.is_empty() {
        "at its top".to_owned()
    } else {
        format!("in '{directory}' or above")
    }
}

/// Why a file or directory of a commit cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The path is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The entry is a link, a submodule, an executable, a directory, …
    #[error("{path} is {found}, expected {expected}")]
    Kind {
        /// Where, in the repository.
        path: String,
        /// What it is.
        found: EntryKind,
        /// What is read there.
        expected: EntryKind,
    },
    /// The contents are larger than anything a vault holds. Not read.
    #[error("{path} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Where, in the repository.
        path: String,
        /// Its size in bytes.
        size: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A name cannot be written in UTF-8.
    #[error("a name in {directory:?} is not UTF-8: {name}")]
    NotUtf8 {
        /// The directory it stands in.
        directory: String,
        /// The name, with what is no UTF-8 replaced.
        name: String,
    },
    /// A tree object that git would not have written.
    #[error("the tree of {directory:?} is damaged: {reason}")]
    BadTree {
        /// The directory it stands for.
        directory: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Directories nested deeper than any vault has them.
    #[error("{0} is nested too deeply")]
    TooDeep(String),
    /// More files and directories below one than any vault has: a few small trees that name one
    /// another can stand for billions.
    #[error("{directory:?} holds more than the {limit} files and directories that are listed")]
    TooMany {
        /// The directory that was listed.
        directory: String,
        /// The most that is listed.
        limit: usize,
    },
    /// An object is missing (a partial clone, say) or cannot be read.
    #[error("cannot read {path} from git: {error}")]
    Git {
        /// Where, in the repository.
        path: String,
        /// What libgit2 said.
        error: GitError,
    },
}

/// Why a command was not written: the plan's own error, or this layer's.
#[derive(Debug, Error)]
pub enum WriteError<E> {
    /// What `plan` returned.
    #[error(transparent)]
    Plan(E),
    /// What kept it from becoming a commit.
    #[error(transparent)]
    Write(#[from] WriteFailure),
}

/// What kept a command from becoming a commit. Nothing has changed, but for
/// [`WriteFailure::NotSynced`] and [`WriteFailure::NotUndone`].
#[derive(Debug, Error)]
pub enum WriteFailure {
    /// HEAD is a commit and no branch.
    #[error("HEAD is detached: check out a branch, or name one with --branch")]
    DetachedHead,
    /// The current branch has no commit yet.
    #[error("the branch '{0}' has no commits yet")]
    Unborn(String),
    /// git is in the middle of something that would take our change along.
    #[error("a {0} is in progress: finish or abort it first")]
    InProgress(&'static str),
    /// No branch can have this name.
    #[error("'{0}' is no name for a branch")]
    BadBranch(String),
    /// git keeps branches like files: one cannot be a directory of others.
    #[error("the branch '{branch}' cannot be made while there is a branch '{other}'")]
    BranchInTheWay {
        /// The branch to be made.
        branch: String,
        /// The one that is there.
        other: String,
    },
    /// Another work tree has this branch checked out; it would no longer fit its files.
    #[error("the branch '{branch}' is checked out in {}: run this there", .path.display())]
    CheckedOutElsewhere {
        /// The branch.
        branch: String,
        /// The other work tree.
        path: PathBuf,
    },
    /// There is a vault already.
    #[error("{0} is there already")]
    AlreadyAVault(String),
    /// A file to write has changes that are not committed.
    #[error("{path} {state}: commit or undo that first")]
    Dirty {
        /// The file, in the repository.
        path: String,
        /// What was found.
        state: &'static str,
    },
    /// A file in conflict is not as git left it: somebody has begun to merge it by hand.
    #[error("{0} was edited since git left it in conflict")]
    Edited(String),
    /// Both sides changed a file that is no vault's, and git cannot merge the lines.
    #[error("{0} was changed on both sides, and only a person can merge it")]
    Conflict(String),
    /// Something in the work tree or the commit is where a file or its directory must be.
    #[error("{path} is in the way: it is {found}, expected {expected}")]
    InTheWay {
        /// Where, in the repository.
        path: String,
        /// What is there.
        found: &'static str,
        /// What must be there.
        expected: &'static str,
    },
    /// The plan named a path that is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The plan named one file twice.
    #[error("{0} is to be written twice in one commit")]
    Twice(String),
    /// A file larger than what is read.
    #[error("{path} would have {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file, in the repository.
        path: String,
        /// Its size in bytes.
        size: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A subject or trailer that would run into the next line.
    #[error("the commit message has {0}, expected single lines")]
    BadMessage(&'static str),
    /// Every file already is as it is to be.
    #[error("nothing to commit: every file is already as it should be")]
    NothingToChange,
    /// git would not know whom to name as author.
    #[error("git does not know who you are: set user.name and user.email with 'git config'")]
    NoIdentity,
    /// `commit.gpgsign` is set, and git could not sign.
    #[error("git could not sign the commit: {0}")]
    Signing(String),
    /// Another fleetvault works on this repository.
    #[error("another fleetvault has been writing to this repository for {seconds} seconds")]
    Locked {
        /// How long was waited.
        seconds: u64,
    },
    /// git holds a lock, or left it over when it was killed.
    #[error("{} is there: another git process is running, or was killed", .0.display())]
    GitLocked(PathBuf),
    /// Other writers were faster, again and again.
    #[error("the branch '{branch}' moved {tries} times while this was written")]
    Busy {
        /// The branch.
        branch: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The journal of an interrupted run cannot be understood.
    #[error("the journal of an interrupted run is damaged: {}: {reason}", .path.display())]
    BadJournal {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The commit to build on cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A file of the commit to build on cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The operating system refused: a full or read-only disk, permissions.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// libgit2 refused.
    #[error("cannot {doing}: {error}")]
    Git {
        /// What was tried.
        doing: &'static str,
        /// What libgit2 said.
        error: GitError,
    },
    /// The branch has moved, and what was committed is in place; only a crash of the machine could
    /// still lose it.
    #[error("committed {} to '{branch}', but it is not known to be on disk: {cause}", .commit.short())]
    NotSynced {
        /// The commit.
        commit: CommitId,
        /// The branch it is on.
        branch: String,
        /// What failed.
        cause: Box<WriteFailure>,
    },
    /// Something failed, and putting things back failed too. The next command tries again.
    #[error("{first}; and undoing it failed: {second}")]
    NotUndone {
        /// What failed.
        first: Box<WriteFailure>,
        /// Why it could not be undone.
        second: Box<WriteFailure>,
    },
}

/// Adds what was tried to an error of the operating system.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, WriteFailure>;
}

impl<T> Doing<T> for Result<T, io::Error> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, WriteFailure> {
        self.map_err(|source| WriteFailure::Io {
            doing,
            path: path.to_owned(),
            source,
        })
    }
}

/// Adds what was tried to an error of libgit2.
pub(super) fn git(doing: &'static str) -> impl Fn(git2::Error) -> WriteFailure {
    move |error| WriteFailure::Git {
        doing,
        error: error.into(),
    }
}
