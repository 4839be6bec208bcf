//! Why a change is not judged.

use thiserror::Error;

use crate::vault::{FileError, SnapshotError};

/// What keeps a change from being judged at all.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// One of the commits cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The vault that it is judged by cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A push of more commits than are looked into.
    #[error("more than {0} new commits are more than can be looked into one by one: push them in parts")]
    TooManyCommits(usize),
    /// The repository cannot be opened by each thread.
    #[error("{0}")]
    Other(String),
}
