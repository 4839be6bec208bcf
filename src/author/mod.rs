//! Changing a vault: every command plans its files here, signed and sealed; `vault` makes one commit of them.
//!
//! A plan reads the commit it builds on, and asks nobody anything: values, names and choices are given to it.

mod credential;
mod desk;
mod error;
mod group;
mod init;
mod join;
mod leaving;
mod member;
mod merge;
mod reading;
mod reseal;
mod root;
mod sealing;
mod signer;

pub use credential::{
    PolicyChange, ScopeChange, Setting, check_exists, check_set, not_found, open, remove, rescope, rotate, set, touch,
};
pub use desk::{Desk, Plan};
pub use error::AuthorError;
pub use group::{add_group, grant_group, granted, living_groups, remove_group, revoke_group, scoped_to_group};
pub use init::{NewVault, VaultFiles, git_attributes};
pub use join::{Fingerprint, JoinError, JoinRequest, REQUEST_MAX};
pub use leaving::{OldKeys, rekey_member, remove_member};
pub use member::{NewMember, add_member, check_add};
pub use merge::{
    Clash, Conflicted, Course, MergeError, MergeStep, Ruling, Which, check_selection, merge_members, merge_sealed,
};
pub use reading::check_new;
pub use reseal::reseal;
pub use root::{Proposal, RootChange, RootError, adopt};
pub use signer::{Signer, SignerError};
