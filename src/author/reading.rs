//! What a change reads of a vault: whose keys there are, what they open, which names are taken.

use vault_format::{
    Credential, Draft, FilePath, GroupName, HolderName, Kind, MemberName, Parsed, Recipient, Secret, Verified,
};

use super::error::AuthorError;
use crate::{
    resolver::{Keyring, nearest},
    vault::{EntryKind, Vault},
};

/// The epoch and keys of a living member.
pub(super) fn member_keys(vault: &Vault<'_>, name: &MemberName) -> Result<(u64, Vec<Recipient>), AuthorError> {
    let member = vault.member(name)?;
    match member.as_ref().and_then(Verified::body) {
        Some(body) => Ok((body.epoch, body.recipients.clone())),
        None => Err(AuthorError::UnknownMember {
            near: nearest(
                name.as_str(),
                vault.member_names()?.into_iter().filter(|other| other != name),
                3,
            ),
            name: name.clone(),
        }),
    }
}

/// The epoch and key of a living group.
pub(super) fn group_key(vault: &Vault<'_>, name: &GroupName) -> Result<(u64, Vec<Recipient>), AuthorError> {
    let group = vault.group(name)?;
    match group.as_ref().and_then(Verified::body) {
        Some(body) => Ok((body.epoch, vec![body.recipient.clone()])),
        None => Err(AuthorError::UnknownGroup(name.clone())),
    }
}

/// Opens a credential by any key of the keyring's member: that of its own stanza, of the keepers, of a group in the scope.
pub(super) fn open_with(
    keyring: &Keyring<'_, '_>,
    file: &Verified<Credential>,
    terms: &Credential,
) -> Result<Secret, AuthorError> {
    let name = file.subject();
    // The member's own stanza first: it costs one unwrap, a group's key two.
    let own = HolderName::Member(keyring.member().clone());
    let keepers = HolderName::Group(GroupName::keepers());
    let groups = terms.scope.groups().into_iter().map(HolderName::Group);
    let opened = keyring
        .open(
            file,
            &FilePath::Credential(name.clone()),
            [own, keepers].into_iter().chain(groups),
        )
        .map_err(|error| AuthorError::opening(name, error))?;
    Ok(opened.into_value())
}

/// Runs a finished draft through the checks of a reader.
pub(super) fn finish<K: Kind>(draft: Draft<K>) -> Result<Parsed<K>, AuthorError> {
    draft.finish().map_err(|error| AuthorError::Format {
        what: K::NAME.into(),
        error,
    })
}

/// Refuses a name that a file system or a person would take for an existing one.
///
/// # Errors
/// [`AuthorError::Collision`].
pub fn check_new(vault: &Vault<'_>, path: &FilePath) -> Result<(), AuthorError> {
    let text = path.to_string();
    let segments: Vec<&str> = text.trim_end_matches(".toml").split('/').collect();
    for depth in 1..segments.len() {
        let folder = segments[..depth].join("/");
        let children = vault.snapshot().children(&folder);
        let children = children.map_err(|error| vault.error(folder.as_str(), error))?;
        let last = depth + 1 == segments.len();
        for child in children {
            let (name, is_file) = match child.name.strip_suffix(".toml") {
                Some(name) if child.kind != EntryKind::Directory => (name, true),
                _ => (child.name.as_str(), false),
            };
            if !name.eq_ignore_ascii_case(segments[depth]) {
                continue;
            }
            let reason = match (name == segments[depth], is_file == last) {
                (false, _) => "the names differ only by case",
                (true, false) => "one would be a file and a folder at once",
                (true, true) => continue,
            };
            return Err(AuthorError::Collision {
                name: segments[1..].join("/"),
                other: [&segments[1..depth], &[name]].concat().join("/"),
                reason,
            });
        }
    }
    Ok(())
}
