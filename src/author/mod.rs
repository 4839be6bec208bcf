//! Changing a vault: every command plans its files here, signed and sealed; `vault` makes one commit of them.
//!
//! A plan reads the commit it builds on, and asks nobody anything: values, names and choices are given to it.

mod credential;
mod desk;
mod error;
mod init;
mod join;
mod member;
mod merge;
mod signer;

pub use credential::{
    PolicyChange, ScopeChange, Setting, check_exists, check_set, not_found, open, remove, rescope, rotate, set, touch,
};
pub use desk::{Desk, Plan};
pub use error::AuthorError;
pub use init::{NewVault, VaultFiles, git_attributes};
pub use join::{Fingerprint, JoinError, JoinRequest, REQUEST_MAX};
pub use member::{NewMember, add_member};
pub use merge::{Clash, Conflicted, MergeStep, Ruling, Which, check_selection, merge_members, merge_sealed};
pub use signer::{Signer, SignerError};
