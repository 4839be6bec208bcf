//! Why a change is refused before anything is written.

use std::io;

use thiserror::Error;
use vault_format::{CredentialName, FormatError, GroupName, MemberName, Scope, ScopeError, SealError, Timestamp};

use super::{merge::MergeError, root::RootError, signer::SignerError};
use crate::{
    resolver::{KeyringError, LaunchError},
    vault::{FileError, WriteFailure},
};

/// Why a change is refused.
#[derive(Debug, Error)]
pub enum AuthorError {
    /// The signing key is no author's.
    #[error("the signing key {fingerprint} belongs to no author of this vault")]
    NotAnAuthor {
        /// Its fingerprint.
        fingerprint: String,
    },
    /// Signing failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A file of the vault is not to be trusted.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keys are nobody's, or those of another member than expected.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// A scope that is none.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A scope names somebody who is no member.
    #[error("there is no member '{name}' in this vault")]
    UnknownMember {
        /// The name.
        name: MemberName,
        /// Members with a similar name.
        near: Vec<MemberName>,
    },
    /// A scope names a group that does not exist.
    #[error("there is no group '{0}' in this vault")]
    UnknownGroup(GroupName),
    /// No credential of this name.
    #[error("Credential '{name}' not found.")]
    NotFound {
        /// The name or pattern.
        name: String,
        /// Credentials with a similar name.
        near: Vec<CredentialName>,
    },
    /// The name differs from an existing one only by case, or is a folder of one.
    #[error("'{name}' cannot stand beside '{other}': {reason}")]
    Collision {
        /// The new name.
        name: String,
        /// The existing one.
        other: String,
        /// Why not.
        reason: &'static str,
    },
    /// `set` without a scope on a credential that is not for everyone.
    #[error("credential '{name}' exists for {scope} only; setting it without --members would widen it to everyone")]
    WouldWiden {
        /// The credential.
        name: CredentialName,
        /// Its scope.
        scope: Scope,
    },
    /// A new value under an expiry that is over.
    #[error("credential '{name}' expired on {}; a new value needs a new expiry", .on.date())]
    StillExpired {
        /// The credential.
        name: CredentialName,
        /// When it expired.
        on: Timestamp,
    },
    /// An expiry that is over already.
    #[error("the expiry {0} is in the past")]
    PastExpiry(Timestamp),
    /// A scope without the member, or with everyone.
    #[error("the scope of '{name}' cannot be changed like that: {reason}")]
    ScopeChange {
        /// The credential.
        name: CredentialName,
        /// Why not.
        reason: String,
    },
    /// Only who can open a credential can seal it anew.
    #[error("credential '{name}' cannot be sealed anew: your keys do not open it")]
    CannotOpen {
        /// The credential.
        name: CredentialName,
    },
    /// No identity was given, and the change must open something.
    #[error("this change must open what is sealed, and there is no identity to open it with")]
    NoIdentity,
    /// Only who holds a group's key can grant it.
    #[error("the group '{0}' cannot be granted: your keys do not open it")]
    CannotGrant(GroupName),
    /// The group exists, or did.
    #[error("{}", match .removed {
        false => format!("group '{name}' exists already"),
        true => format!("there was a group '{name}', which was removed; what was sealed to it would be taken for that of the new one"),
    })]
    GroupExists {
        /// The group.
        name: GroupName,
        /// Whether it was removed.
        removed: bool,
    },
    /// A member that does not have the group it is to lose.
    #[error("member '{member}' does not have the group '{group}'")]
    NotInGroup {
        /// The group.
        group: GroupName,
        /// The member.
        member: MemberName,
    },
    /// A group that no member can be without.
    #[error("every member has the group 'all'")]
    EveryMemberHas,
    /// The groups that every vault has.
    #[error("the group '{0}' is one that every vault has")]
    Reserved(GroupName),
    /// A group that scopes name.
    #[error("group '{group}' is named by {}", counted(.credentials))]
    GroupInUse {
        /// The group.
        group: GroupName,
        /// The credentials.
        credentials: Vec<CredentialName>,
    },
    /// Without its last keeper no credential could ever change its scope.
    #[error("the last keeper cannot go: nobody could change who may use a credential any more")]
    LastKeeper,
    /// Credentials that would be for nobody.
    #[error("member '{member}' is the only one that may use {}", counted(.credentials))]
    OnlyInScope {
        /// The member.
        member: MemberName,
        /// The credentials.
        credentials: Vec<CredentialName>,
    },
    /// The member exists.
    #[error("member '{0}' exists already")]
    MemberExists(MemberName),
    /// One key belongs to one member.
    #[error("the key {key} belongs to member '{member}' already")]
    KeyTaken {
        /// The recipient.
        key: String,
        /// Whose it is.
        member: MemberName,
    },
    /// The key of a group, which all who have the group hold.
    #[error("the key {key} is that of group '{group}'")]
    KeyOfGroup {
        /// The recipient.
        key: String,
        /// The group.
        group: GroupName,
    },
    /// A value, header or key that the format does not allow.
    #[error("{what}: {error}")]
    Seal {
        /// The file.
        what: String,
        /// What is wrong.
        error: SealError,
    },
    /// A header that the format does not allow.
    #[error("{what}: {error}")]
    Format {
        /// The file.
        what: String,
        /// What is wrong.
        error: FormatError,
    },
    /// Authors, threshold and keepers cannot be changed like that.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Files in conflict cannot be merged like that.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The change changes nothing.
    #[error("nothing would change")]
    NothingToDo,
    /// The operating system gave no random numbers.
    #[error("no random numbers could be had")]
    NoRandomness,
    /// The commit could not be made.
    #[error(transparent)]
    Write(#[from] WriteFailure),
    /// A file beside the vault could not be read or written.
    #[error("{what}: {error}")]
    Io {
        /// The file, and what was tried.
        what: String,
        /// Why not.
        error: io::Error,
    },
}

/// A few names, and how many there are beside.
fn counted(names: &[CredentialName]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(CredentialName::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl AuthorError {
    /// Turns a failure to open `name` into the refusal of a change.
    pub(super) fn opening(name: &CredentialName, error: KeyringError) -> Self {
        match error {
            KeyringError::NoKey(_) => Self::CannotOpen { name: name.clone() },
            KeyringError::File(error) => Self::File(error),
        }
    }
}
