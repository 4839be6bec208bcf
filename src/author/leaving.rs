//! A member goes, or its keys do: what it holds is taken back, and everything that is set from then on is sealed to keys that it never had.
//! What it could read it still knows: `exposure` tells that, and only a new value mends it.

use std::collections::BTreeSet;

use vault_format::{CredentialName, GroupName, Member, MemberName, Recipient, Scope, ScopeEntry, Verified};

use super::{
    credential::ScopeChange,
    desk::{Desk, Plan},
    error::AuthorError,
    group::{grant, groups_of, key_to_grant, listed, naming, renew_without},
    member::{check_keys_free, normal},
    root::remove_along,
};

/// Removes a member in one commit: tombstones for its keys and grants, new epochs for its groups, and every scope that names it sealed anew
/// without it. The keys of a keeper open every group, so that all of them get new ones when it goes. An author of the same name goes too, unless
/// more than one author must agree on that.
///
/// # Errors
/// [`AuthorError::UnknownMember`], [`AuthorError::LastKeeper`], [`AuthorError::OnlyInScope`], [`AuthorError::CannotGrant`],
/// [`AuthorError::CannotOpen`]; those of signing.
pub fn remove_member(mut desk: Desk<'_, '_, '_>, name: &MemberName) -> Result<Plan, AuthorError> {
    desk.member_keys(name)?;
    let scoped = naming(desk.vault, name.as_str())?;
    let leaving = BTreeSet::from([name.clone()]);
    let mut only = Vec::new();
    for credential in &scoped {
        let file = desk.vault.credential(credential)?;
        let terms = file.as_ref().and_then(Verified::body);
        if terms.is_some_and(|terms| matches!(&terms.scope, Scope::Named(entries) if entries.len() == 1)) {
            only.push(credential.clone());
        }
    }
    let groups = groups_of(desk.vault, name)?;
    if !only.is_empty() {
        // Nobody takes a credential away for this, and is refused then.
        expect_able(&desk, &groups, scoped.iter().filter(|name| !only.contains(name)))?;
        return Err(AuthorError::OnlyInScope {
            member: name.clone(),
            credentials: only,
        });
    }
    let mut summary = vec![format!("removed member {name}")];
    summary.extend(renew_without(&mut desk, &groups, &leaving)?);
    let before = desk.vault.member(name)?.as_ref().map(Verified::serial);
    desk.trailer("Fleetvault-Member", name);
    let head = desk.head::<Member>(name.clone(), before, None);
    desk.write_plain(head)?;
    let change = ScopeChange::Edit {
        add: Vec::new(),
        drop: vec![ScopeEntry::Member(name.clone())],
    };
    for credential in &scoped {
        if reseal_credential(&mut desk, credential, &change)? {
            summary.push(format!("{credential}: - {name}"));
        }
    }
    // Last: what is written above needs no other signature.
    summary.extend(remove_along(&mut desk, name)?);
    desk.finish(&format!("member remove {name}"), summary)
}

/// Refuses who has not the keys of the groups that are to be renewed, or cannot open what is to be sealed anew.
fn expect_able<'n>(
    desk: &Desk<'_, '_, '_>,
    groups: &[GroupName],
    scoped: impl Iterator<Item = &'n CredentialName>,
) -> Result<(), AuthorError> {
    for group in groups {
        key_to_grant(desk, group)?;
    }
    for name in scoped {
        let file = desk.vault.credential(name)?;
        if let Some((file, terms)) = file.as_ref().and_then(|file| Some((file, file.body()?))) {
            desk.open(file, terms)?;
        }
    }
    Ok(())
}

/// What happens to the groups of a member that gets new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKeys {
    /// Somebody else may have them: its groups get new keys as well, for the old ones open what the groups were granted.
    MayBeKnown,
    /// They are destroyed.
    Destroyed,
}

/// Gives a member other keys: its grants and every scope that names it are sealed anew.
///
/// # Errors
/// [`AuthorError::UnknownMember`], [`AuthorError::KeyTaken`], [`AuthorError::KeyOfGroup`], [`AuthorError::NothingToDo`],
/// [`AuthorError::CannotGrant`], [`AuthorError::CannotOpen`]; those of signing.
pub fn rekey_member(
    mut desk: Desk<'_, '_, '_>,
    name: &MemberName,
    recipients: &[Recipient],
    old: OldKeys,
) -> Result<Plan, AuthorError> {
    let (epoch, present) = desk.member_keys(name)?;
    let recipients = normal(recipients);
    if recipients == present {
        return Err(AuthorError::NothingToDo);
    }
    check_keys_free(&desk, &recipients, Some(name))?;
    let file = desk.vault.member(name)?;
    let body = Member {
        epoch: epoch + 1,
        recipients,
        note: file
            .as_ref()
            .and_then(Verified::body)
            .and_then(|body| body.note.clone()),
    };
    desk.write_member(name, file.as_ref().map(Verified::serial), body)?;
    let groups = groups_of(desk.vault, name)?;
    let mut summary = vec![format!("{name} has other keys, epoch {}", epoch + 1)];
    match old {
        OldKeys::MayBeKnown => summary.extend(renew_without(&mut desk, &groups, &BTreeSet::new())?),
        OldKeys::Destroyed => {
            for group in &groups {
                grant(&mut desk, group, name)?;
            }
            summary.push(format!("granted {} to the new keys", listed(&groups)));
        }
    }
    for credential in naming(desk.vault, name.as_str())? {
        if reseal_credential(&mut desk, &credential, &ScopeChange::Keep)? {
            summary.push(format!("{credential}: sealed to the new keys"));
        }
    }
    desk.finish(&format!("member rekey {name}"), summary)
}

/// Seals a credential to the keys of now, its value as it is. Tells whether there was one.
pub(super) fn reseal_credential(
    desk: &mut Desk<'_, '_, '_>,
    name: &CredentialName,
    change: &ScopeChange,
) -> Result<bool, AuthorError> {
    let Some(file) = desk.vault.credential(name)? else {
        return Ok(false);
    };
    let Some(before) = file.body() else { return Ok(false) };
    let value = desk.open(&file, before)?;
    let mut terms = before.clone();
    terms.scope = change.apply(name, &before.scope)?;
    desk.write_credential(name, Some(file.serial()), terms, &value)?;
    Ok(true)
}
