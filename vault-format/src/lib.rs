//! The file format of a fleetvault vault, as SPEC.md in this directory describes it.
//!
//! Pure: no git, no file system, no clock, no environment, no printing. A file passes through three types, and skipping one does not compile:
//! [`Parsed`] keeps the format, [`Verified`] is signed by an author of this vault, [`Opened`] is decrypted.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod anchor;
mod armor;
mod authority;
mod digest;
mod document;
mod draft;
mod emit;
mod error;
mod group_keys;
mod identity_file;
mod kind;
mod name;
mod parse;
mod passphrase;
mod path;
mod payload;
mod plugin;
mod scope;
mod seal;
mod sealed_to;
mod secret;
mod shown;
mod signature;
mod small_order;
mod stanza;
mod time;
mod value;

pub use anchor::{Anchor, RootPin};
pub use authority::{Authority, Opened, Verified};
pub use digest::{Digest, VaultId};
pub use document::{Head, Kind, Parsed};
pub use draft::Draft;
pub use error::{FormatError, OpenError, SealError, UnlockError, VerifyError};
pub use group_keys::GroupKeys;
pub use identity_file::{IdentityFile, IdentityFileError};
pub use kind::{AuthorKey, Credential, Encryption, Entry, Grant, GrantSubject, Group, Member, Network, Root};
pub use name::{AuthorName, CredentialName, GroupName, MemberName, NameError, RESERVED};
pub use path::{FOLDERS, FilePath, ROOT_FILE};
pub use plugin::{FILE_KEY, PluginStanza, Plugins};
pub use scope::{Scope, ScopeEntry, ScopeError};
pub use seal::{Identity, IdentityError, Recipient};
pub use sealed_to::{Holder, HolderName, SealedTo};
pub use secret::Secret;
pub use shown::holds_private_key;
pub use signature::{SignerKey, SigningKey, SigningKeyError, SshSignature};
pub use stanza::{Stanza, StanzaError, check_stanzas, stanzas};
pub use time::Timestamp;

/// The largest file of a vault, in bytes: 4 MiB.
pub const FILE_MAX: usize = 4 << 20;
/// The largest value, in bytes: 1 MiB.
pub const VALUE_MAX: usize = 1 << 20;
