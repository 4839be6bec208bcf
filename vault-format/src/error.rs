//! What can be wrong with one file, told by whose fault it is.
//!
//! None of these ever holds a plaintext: they quote headers, which are public, and lengths.

use thiserror::Error;

use crate::{digest::VaultId, name::AuthorName};

/// A file that does not keep the format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormatError {
    /// Larger than [`crate::FILE_MAX`].
    #[error("the file has {size} bytes, more than the 4194304 that a file of a vault may have")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// Not UTF-8.
    #[error("line {line}: not UTF-8")]
    NotUtf8 {
        /// The line, from 1.
        line: usize,
    },
    /// Lines that end in CR LF, or a lone CR.
    #[error("line {line}: carriage return found; lines must end in LF alone")]
    CarriageReturn {
        /// The line, from 1.
        line: usize,
    },
    /// The markers git leaves in a conflict.
    #[error("line {line}: conflict markers of an unfinished merge found")]
    ConflictMarkers {
        /// The line, from 1.
        line: usize,
    },
    /// A `format` this version cannot read.
    #[error("line 1: expected 'format = 1', found '{found}'")]
    UnknownFormat {
        /// The first line.
        found: String,
    },
    /// Another kind of file than the one that belongs at this path.
    #[error("line 2: expected kind \"{expected}\", found '{found}'")]
    WrongKind {
        /// The kind that the path asks for.
        expected: &'static str,
        /// The second line.
        found: String,
    },
    /// No TOML, an unknown key, or a value of the wrong type or form.
    #[error("line {line}: {message}")]
    Syntax {
        /// The line, from 1; the last one where the file ends early.
        line: usize,
        /// What was expected and found.
        message: String,
    },
    /// The parts of one file contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The file says what it should, but not in the one form that the format allows.
    #[error("line {line}: expected '{expected}', found '{found}'")]
    NotCanonical {
        /// The first line that differs, from 1.
        line: usize,
        /// The line as the format writes it, cut after 80 characters.
        expected: String,
        /// The line as it stands, cut after 80 characters.
        found: String,
    },
    /// The header names another place than the one where the file stands.
    #[error("the header belongs to '{says}', but the file stands at '{stands}'")]
    Misplaced {
        /// The path that follows from the header.
        says: String,
        /// The path of the file.
        stands: String,
    },
}

/// A file whose signatures do not make it part of this vault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// It belongs to another vault.
    #[error("it belongs to vault {found}, expected {expected}")]
    OtherVault {
        /// The vault that was launched for.
        expected: VaultId,
        /// The vault that the file names.
        found: VaultId,
    },
    /// Not one signature.
    #[error("it is not signed")]
    Unsigned,
    /// Signed in the name of someone who is no author.
    #[error("it is signed by '{0}', who is no author of this vault")]
    NotAnAuthor(AuthorName),
    /// Signed with a key that is not this author's.
    #[error("its signature by '{author}' was made with the key {found}, which is not that author's")]
    OtherKey {
        /// Who is said to have signed.
        author: AuthorName,
        /// The fingerprint of the key that signed.
        found: String,
    },
    /// The signature does not fit the bytes: they were changed after signing.
    #[error("its signature by '{0}' does not fit: the file was changed after it was signed")]
    Broken(AuthorName),
    /// Fewer authors signed a root than the threshold asks for.
    #[error("it is signed by {found} of the {needed} authors that a root needs")]
    BelowThreshold {
        /// The threshold of the root before.
        needed: u64,
        /// How many authors signed.
        found: u64,
    },
    /// A root that does not follow the one before it.
    #[error("it does not follow the root before it: {0}")]
    BrokenChain(&'static str),
}

/// A payload that does not open, or opens to something that was not sealed for this header.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// There is nothing sealed in this file.
    #[error("the file holds no payload")]
    NothingSealed,
    /// No key given opens it.
    #[error("none of the keys given opens the payload")]
    NoKey,
    /// A plugin did not do its part, which is no fault of the file.
    #[error("the plugin age-plugin-{plugin}: {reason}")]
    Plugin {
        /// Its name.
        plugin: String,
        /// Why.
        reason: String,
    },
    /// age refuses the payload.
    #[error("the payload is damaged: {0}")]
    Damaged(String),
    /// The plaintext does not have the form of SPEC.md, section 7.
    #[error("the payload's content does not keep the format: {0}")]
    Malformed(&'static str),
    /// The plaintext was sealed under another header.
    #[error("the payload was sealed for another header")]
    OtherHeader,
}

/// A file that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// A value of no bytes.
    #[error("the value is empty")]
    Empty,
    /// A value above [`crate::VALUE_MAX`].
    #[error("the value has {size} bytes, more than the 1048576 allowed")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// A plugin did not do its part.
    #[error("cannot seal to {recipient}, the plugin age-plugin-{plugin}: {reason}")]
    Plugin {
        /// Its name.
        plugin: String,
        /// The recipient.
        recipient: String,
        /// Why.
        reason: String,
    },
    /// age could not encrypt.
    #[error("age could not encrypt: {0}")]
    Age(String),
    /// The header breaks a rule of the format.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Why a passphrase does not open an identity file. Never quotes the one or the other.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnlockError {
    /// The passphrase is another one.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// An age file that is sealed to keys.
    #[error("it is an age file for a key, and not for a passphrase")]
    NoPassphrase,
    /// More work than anybody would wait for.
    #[error("it asks for {found} {unit}, {most} is the most")]
    TooMuchWork {
        /// What is counted.
        unit: &'static str,
        /// What the file asks for.
        found: u64,
        /// What is accepted.
        most: u64,
    },
    /// More memory than the system gives.
    #[error("there is not enough memory for its passphrase: scrypt with the work factor {0} takes {size} MiB", size = (1024_u64 << .0) >> 20)]
    NoMemory(u8),
    /// The file is broken.
    #[error("it is damaged: {0}")]
    Damaged(String),
}
