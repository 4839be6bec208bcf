//! Why files in conflict are not merged.

use std::fmt;

use thiserror::Error;
use vault_format::MemberName;

use crate::vault::FileProblem;

/// Why files in conflict cannot be merged like that.
#[derive(Debug, Error)]
pub enum MergeError {
    /// Both sides of a merge changed one thing, and not to the same.
    #[error("{path}: both sides changed it to something else: {}", listed(.clashes))]
    Clash {
        /// The file.
        path: String,
        /// What differs.
        clashes: Vec<Clash>,
        /// Which commit ours is.
        ours: String,
        /// Which commit theirs is.
        theirs: String,
    },
    /// A side of a merge that is no file of this vault, or that no author of the current root vouches for.
    #[error("{path} ({which}): {problem}")]
    Side {
        /// The file.
        path: String,
        /// The side.
        which: Which,
        /// What is wrong with it.
        problem: Box<FileProblem>,
    },
    /// A merged credential can be sealed by nobody but who opens it.
    #[error("{path} cannot be merged: your keys do not open the value that it is to have")]
    CannotMerge {
        /// The file.
        path: String,
        /// Who can open everything.
        keepers: Vec<MemberName>,
    },
    /// Keys that are to be sealed to are in conflict themselves.
    #[error("{} must be merged before what is sealed to their keys", .0.join(", "))]
    MergeFirst(Vec<String>),
    /// Two roots follow the same one, or there are two vaults.
    #[error("{0} is another root on each side, and roots are not merged")]
    RootsDiverged(String),
    /// A group got new keys on both sides.
    #[error(
        "{0} has other keys on each side, and keys are not merged: what is sealed to those that lose could not be opened any more"
    )]
    GroupDiverged(String),
    /// A side of a merge brings back keys that were replaced.
    #[error(
        "{path} ({which}): keys that were replaced are not taken back: the file is older than the one that both sides began with"
    )]
    OldKeys {
        /// The file.
        path: String,
        /// The side.
        which: Which,
    },
}

/// One of the two sides of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// HEAD's.
    Ours,
    /// That which is taken over.
    Theirs,
}

/// One thing that both sides changed, and not to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// What it is.
    pub what: &'static str,
    /// What it is on one side.
    pub ours: String,
    /// What it is on the other side.
    pub theirs: String,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        })
    }
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (ours: {}; theirs: {})", self.what, self.ours, self.theirs)
    }
}

/// What differs, for one line.
fn listed(clashes: &[Clash]) -> String {
    let texts: Vec<String> = clashes.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
