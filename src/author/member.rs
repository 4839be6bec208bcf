//! Changes of members: whose keys are known, and which groups they are granted.

use vault_format::{FilePath, Grant, GrantSubject, GroupName, Member, MemberName, Recipient, ScopeEntry, Verified};

use super::{
    credential::ScopeChange,
    desk::{Desk, Plan},
    error::AuthorError,
};

/// A member to be added.
pub struct NewMember {
    /// Its name.
    pub name: MemberName,
    /// Its public keys, at least one.
    pub recipients: Vec<Recipient>,
    /// A line for people.
    pub note: Option<String>,
    /// A member whose groups and explicit scopes it gets, too; the keepers excepted.
    pub like: Option<MemberName>,
}

/// Adds a member and grants it `all`, so that it can use what is for everyone. No credential changes, unless `like` asks for it.
///
/// # Errors
/// [`AuthorError::MemberExists`], [`AuthorError::KeyTaken`], [`AuthorError::CannotGrant`]; those of sealing and signing.
pub fn add_member(mut desk: Desk<'_, '_, '_>, new: &NewMember) -> Result<Plan, AuthorError> {
    let path = FilePath::Member(new.name.clone());
    let before = desk.vault.member(&new.name)?;
    if before.as_ref().is_some_and(|member| member.body().is_some()) {
        return Err(AuthorError::MemberExists(new.name.clone()));
    }
    if before.is_none() {
        desk.check_new(&path)?;
    }
    check_keys_free(&desk, &new.recipients)?;
    if let Some(like) = &new.like {
        desk.member_keys(like)?;
    }
    let mut recipients = new.recipients.clone();
    recipients.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    recipients.dedup();
    let body = Member {
        epoch: before.as_ref().map_or(1, Verified::serial),
        recipients,
        note: new.note.clone(),
    };
    desk.write_member(&new.name, before.as_ref().map(Verified::serial), body)?;
    let mut summary = vec![format!(
        "added member {}, who can use everything that is for everyone ('*')",
        new.name
    )];
    for group in groups_of(&desk, new.like.as_ref())? {
        write_grant(&mut desk, &group, &new.name)?;
        if group != GroupName::all() {
            summary.push(format!("granted group {group}"));
        }
    }
    if let Some(like) = &new.like {
        add_to_scopes(&mut desk, like, &new.name, &mut summary)?;
    }
    desk.finish(&format!("member add {}", new.name), summary)
}

/// Seals a group's current key to a member.
fn write_grant(desk: &mut Desk<'_, '_, '_>, group: &GroupName, member: &MemberName) -> Result<(), AuthorError> {
    let cannot = || AuthorError::CannotGrant(group.clone());
    let file = desk.vault.group(group)?;
    let Some(epoch) = file.as_ref().and_then(Verified::body).map(|body| body.epoch) else {
        return Err(AuthorError::UnknownGroup(group.clone()));
    };
    let keyring = desk.keyring.ok_or(AuthorError::NoIdentity)?;
    let key = keyring.group_key(group, epoch)?.ok_or_else(cannot)?;
    let (member_epoch, recipients) = desk.member_keys(member)?;
    let subject = GrantSubject {
        group: group.clone(),
        member: member.clone(),
    };
    let before = desk.vault.grant(group, member)?.as_ref().map(Verified::serial);
    let body = Grant::to(member, member_epoch, epoch);
    let head = desk.head(subject, before, Some(body));
    desk.write_sealed(head, &key.expose_line().ok_or_else(cannot)?, &recipients)
}

/// `all`, and the groups of the member to be like. Never the keepers: that is given by name only.
fn groups_of(desk: &Desk<'_, '_, '_>, like: Option<&MemberName>) -> Result<Vec<GroupName>, AuthorError> {
    let mut groups = vec![GroupName::all()];
    if let Some(like) = like {
        for path in desk.vault.paths("grants")? {
            if let FilePath::Grant(group, member) = path
                && &member == like
                && !group.is_reserved()
                && desk
                    .vault
                    .grant(&group, &member)?
                    .is_some_and(|grant| grant.body().is_some())
            {
                groups.push(group);
            }
        }
    }
    Ok(groups)
}

/// Adds the new member to every scope that names the other one.
fn add_to_scopes(
    desk: &mut Desk<'_, '_, '_>,
    like: &MemberName,
    name: &MemberName,
    summary: &mut Vec<String>,
) -> Result<(), AuthorError> {
    let change = ScopeChange::Edit {
        add: vec![ScopeEntry::Member(name.clone())],
        drop: Vec::new(),
    };
    for credential in desk.vault.credential_names()? {
        let Some(file) = desk.vault.credential(&credential)? else {
            continue;
        };
        let Some(before) = file.body().filter(|terms| terms.scope.names(like)) else {
            continue;
        };
        let value = desk.open(&file, before)?;
        let mut terms = before.clone();
        terms.scope = change.apply(&credential, &terms.scope)?;
        summary.push(format!("{credential}: + {name}"));
        desk.write_credential(&credential, Some(file.serial()), terms, &value)?;
    }
    Ok(())
}

/// One key belongs to one member: a second one could otherwise be taken for the first.
fn check_keys_free(desk: &Desk<'_, '_, '_>, recipients: &[Recipient]) -> Result<(), AuthorError> {
    for name in desk.vault.member_names()? {
        let Some(member) = desk.vault.look_at::<Member>(&FilePath::Member(name.clone()))? else {
            continue;
        };
        let Some(body) = member.body() else { continue };
        if let Some(key) = recipients.iter().find(|key| body.recipients.contains(key)) {
            return Err(AuthorError::KeyTaken {
                key: key.to_string(),
                member: name,
            });
        }
    }
    Ok(())
}
