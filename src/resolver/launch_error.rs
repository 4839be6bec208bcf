//! Why a launch resolves nothing.

use std::io;

use thiserror::Error;
use vault_format::{IdentityFileError, MemberName, UnlockError, VaultId};

use crate::vault::{FileError, RepositoryError, SnapshotError};

/// Why this launch resolves nothing.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The identity file cannot be read.
    #[error("cannot read the identity {source_text}: {error}")]
    Unreadable {
        /// The file or descriptor.
        source_text: String,
        /// Why.
        error: io::Error,
    },
    /// The identity file holds no usable key.
    #[error("the identity {source_text}: {error}")]
    Identity {
        /// The file or descriptor.
        source_text: String,
        /// What is wrong with it.
        error: IdentityFileError,
    },
    /// A passphrase is needed, and nobody can be asked for it.
    #[error("the identity {0} is protected by a passphrase, and there is no terminal to ask for it")]
    Locked(String),
    /// The passphrase does not open it.
    #[error("the identity {source_text} cannot be opened: {error}")]
    Unlock {
        /// The file or descriptor.
        source_text: String,
        /// Why.
        error: UnlockError,
    },
    /// Nobody said which vault to trust.
    #[error("no anchor: the identity names no vault, and no root was given; the vault here has the id {found}")]
    NoAnchor {
        /// The id of the vault that was found, which is no reason to trust it.
        found: VaultId,
    },
    /// Another vault than the one this launch is for.
    #[error("another vault: launched for {expected}, found {found}")]
    OtherVault {
        /// The anchors of the launch.
        expected: String,
        /// The id of the vault that was found.
        found: VaultId,
    },
    /// The identity is for several vaults, and nobody said which this launch is for.
    #[error("the identity is for {} vaults, and no root says which of them this launch is for", .0)]
    SeveralAnchors(usize),
    /// A chain of roots that ends before the one that the anchor names.
    #[error("the root is too old: the anchor accepts serial {lowest} and later, found {found}")]
    OldRoot {
        /// The anchor's lowest serial.
        lowest: u64,
        /// The serial of the vault's current root.
        found: u64,
    },
    /// A chain of roots that does not pass through the one that the anchor names.
    #[error("the roots are forked: root {serial} is not the one that the anchor names")]
    ForkedRoot {
        /// The serial of that root.
        serial: u64,
    },
    /// The anchor and `--member` differ.
    #[error("the identity belongs to member '{anchored}', but '{expected}' was expected")]
    OtherMember {
        /// The member of the anchor, or the one that has the key.
        anchored: MemberName,
        /// What `--member` said.
        expected: MemberName,
    },
    /// The member was removed by an author.
    #[error("member '{0}' was removed from this vault")]
    Removed(MemberName),
    /// The named member does not exist.
    #[error("member '{0}' is not in this vault")]
    NoSuchMember(MemberName),
    /// The key belongs to another member than the anchor says, or to nobody.
    #[error("the identity is not a key of member '{expected}'{}", .found.as_ref().map(|name| format!(": it is a key of '{name}'")).unwrap_or_default())]
    NotTheirKey {
        /// The expected member.
        expected: MemberName,
        /// Whose key it is.
        found: Option<MemberName>,
    },
    /// The key is nobody's.
    #[error("the identity is a key of no member of this vault")]
    Nobody,
    /// Keepers open everything; an agent must not be one.
    #[error("member '{0}' is a keeper, whose keys open every credential")]
    Keeper(MemberName),
    /// There is no repository, or it cannot be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The commit is not there, or holds no vault.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A file of the vault is not to be trusted.
    #[error(transparent)]
    File(#[from] FileError),
}
