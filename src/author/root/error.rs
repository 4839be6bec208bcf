//! Why a root cannot be followed by another one.

use thiserror::Error;
use vault_format::{AuthorName, FormatError, VerifyError};

use crate::vault::FileError;

/// How many broken files a message names.
const NAMED_MAX: usize = 10;

/// Why authors, or the rest of the root, cannot be changed like that.
#[derive(Debug, Error)]
pub enum RootError {
    /// One key belongs to one author.
    #[error("the key {fingerprint} is that of author '{author}' already")]
    KeyTaken {
        /// Which key.
        fingerprint: String,
        /// Whose it is.
        author: AuthorName,
    },
    /// Two names that people take for one another.
    #[error("'{name}' cannot stand beside author '{other}': the names differ only by case")]
    SimilarName {
        /// The new name.
        name: AuthorName,
        /// The existing one.
        other: AuthorName,
    },
    /// Nobody of that name is an author.
    #[error("there is no author '{name}' in this vault")]
    NoSuchAuthor {
        /// The name.
        name: AuthorName,
        /// Who is.
        authors: Vec<AuthorName>,
    },
    /// The author has no such key.
    #[error("author '{author}' has no key {fingerprint}")]
    NoSuchKey {
        /// The author.
        author: AuthorName,
        /// What was asked for.
        fingerprint: String,
        /// The fingerprints of those there are.
        keys: Vec<String>,
    },
    /// Without an author nobody can ever write again.
    #[error("'{0}' is the last author: without one, nobody could ever write to this vault again")]
    LastAuthor(AuthorName),
    /// Too few would be left to sign the next root.
    #[error("without '{author}' there are {left} authors, and {threshold} must sign the next root")]
    BelowThreshold {
        /// Who was to be removed.
        author: AuthorName,
        /// How many would be left.
        left: u64,
        /// How many must sign.
        threshold: u64,
    },
    /// A threshold that nobody can reach, or none.
    #[error("the threshold must be from 1 to the number of authors, {authors}, found {threshold}")]
    Threshold {
        /// What was asked for.
        threshold: u64,
        /// How many authors there are.
        authors: u64,
    },
    /// The threshold is that already.
    #[error("the threshold is {0} already")]
    SameThreshold(u64),
    /// Whoever makes the change must be able to sign files after it.
    #[error("the key {fingerprint}, with which '{author}' signs here, would be no author's any more")]
    OwnKey {
        /// The key.
        fingerprint: String,
        /// Whose it is.
        author: AuthorName,
    },
    /// A proposal that is no root.
    #[error("it is no proposal: {0}")]
    NoProposal(FormatError),
    /// A proposal that follows another root than the current one.
    #[error("it is a proposal of root {proposed}, and the current root is {current}")]
    OtherSerial {
        /// Its serial.
        proposed: u64,
        /// That of the current root.
        current: u64,
    },
    /// A proposal that cannot become the next root of this vault.
    #[error("the proposal: {0}")]
    Proposal(VerifyError),
    /// An author counts once.
    #[error("'{author}' has signed it already, and {missing} more must")]
    SignedAlready {
        /// Who.
        author: AuthorName,
        /// How many signatures it lacks.
        missing: u64,
    },
    /// Files that claim a signature of who is to go, and are not as they must be: signing them anew would make them good.
    #[error("{} not signed anew, since what stands there is not to be trusted: {}", count(.0), listed(.0))]
    Unsound(Vec<FileError>),
}

fn count(files: &[FileError]) -> String {
    match files.len() {
        1 => "a file is".into(),
        many => format!("{many} files are"),
    }
}

fn listed(files: &[FileError]) -> String {
    let shown = files.iter().take(NAMED_MAX).map(ToString::to_string);
    let mut text = Vec::from_iter(shown).join("; ");
    if files.len() > NAMED_MAX {
        text.push_str(&format!("; and {} more", files.len() - NAMED_MAX));
    }
    text
}
