//! Names of git objects, as values that can leave this layer; never looks one up.

use std::fmt;
use std::str::FromStr;

use git2::Oid;
use thiserror::Error;

/// The id of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId([u8; 20]);

/// The id of a file's contents. Two files with the same id have the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 20]);

/// A text that is no complete id of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a commit id of 40 hex digits")]
pub struct NotACommitId;

impl CommitId {
    /// Returns the first ten hex digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }

    pub(super) fn oid(&self) -> Oid {
        oid(&self.0)
    }
}

impl BlobId {
    pub(super) fn oid(&self) -> Oid {
        oid(&self.0)
    }
}

impl From<Oid> for CommitId {
    fn from(oid: Oid) -> Self {
        Self(bytes(oid))
    }
}

impl From<Oid> for BlobId {
    fn from(oid: Oid) -> Self {
        Self(bytes(oid))
    }
}

impl FromStr for CommitId {
    type Err = NotACommitId;

    /// Reads forty hex digits.
    ///
    /// # Errors
    /// Anything else.
    fn from_str(text: &str) -> Result<Self, NotACommitId> {
        full_oid(text).map(Self::from).ok_or(NotACommitId)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// Reads a complete object id; `git2` alone would pad a shorter one with zeros.
pub(super) fn full_oid(text: &str) -> Option<Oid> {
    if text.len() != 40 {
        return None;
    }
    Oid::from_str(text).ok()
}

fn oid(bytes: &[u8; 20]) -> Oid {
    // Fails only for a wrong length, which the type rules out.
    Oid::from_bytes(bytes).unwrap_or(Oid::ZERO_SHA1)
}

fn bytes(oid: Oid) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&oid.as_bytes()[..20]);
    bytes
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_the_same_digits() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        let id: CommitId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "0123456789");
        assert_eq!(CommitId::from(id.oid()), id);
    }

    #[test]
    fn refuses_abbreviations() {
        for text in ["", "0123", "z123456789abcdef0123456789abcdef01234567"] {
            assert!(text.parse::<CommitId>().is_err(), "{text}");
        }
    }
}
