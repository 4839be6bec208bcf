//! Changes of members: whose keys are known, and which groups they are granted.

use vault_format::{FilePath, Group, GroupName, Member, MemberName, Recipient, ScopeEntry, Verified};

use super::{
    credential::ScopeChange,
    desk::{Desk, Plan},
    error::AuthorError,
    group::{grant, groups_of, key_to_grant, naming},
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
/// [`AuthorError::MemberExists`], [`AuthorError::KeyTaken`], [`AuthorError::KeyOfGroup`], [`AuthorError::CannotGrant`]; those of sealing and signing.
pub fn add_member(mut desk: Desk<'_, '_, '_>, new: &NewMember) -> Result<Plan, AuthorError> {
    let path = FilePath::Member(new.name.clone());
    let before = desk.vault.member(&new.name)?;
    if before.as_ref().is_some_and(|member| member.body().is_some()) {
        return Err(AuthorError::MemberExists(new.name.clone()));
    }
    if before.is_none() {
        desk.check_new(&path)?;
    }
    check_keys_free(&desk, &new.recipients, None)?;
    if let Some(like) = &new.like {
        desk.member_keys(like)?;
    }
    let body = Member {
        epoch: before.as_ref().map_or(1, Verified::serial),
        recipients: normal(&new.recipients),
        note: new.note.clone(),
    };
    desk.write_member(&new.name, before.as_ref().map(Verified::serial), body)?;
    let mut summary = vec![format!(
        "added member {}, who can use everything that is for everyone ('*')",
        new.name
    )];
    if before.is_some() {
        summary.push(format!(
            "{} was removed before: no scope that named it then names it now",
            new.name
        ));
    }
    for group in groups_like(&desk, new.like.as_ref())? {
        grant(&mut desk, &group, &new.name)?;
        if group != GroupName::all() {
            summary.push(format!("granted group {group}"));
        }
    }
    if let Some(like) = &new.like {
        if desk.vault.is_granted(&GroupName::keepers(), like)? {
            summary.push(format!(
                "{like} is a keeper and {new} is not: only 'group grant keepers {new}' would make it one",
                new = new.name
            ));
        }
        add_to_scopes(&mut desk, like, &new.name, &mut summary)?;
    }
    desk.finish(&format!("member add {}", new.name), summary)
}

/// Tells what would keep a member from being added, as far as that can be told without sealing and signing.
///
/// # Errors
/// Those of [`add_member`], but for those of sealing and signing.
pub fn check_add(desk: &Desk<'_, '_, '_>, new: &NewMember) -> Result<(), AuthorError> {
    match desk.vault.member(&new.name)? {
        Some(before) if before.body().is_some() => return Err(AuthorError::MemberExists(new.name.clone())),
        Some(_) => {}
        None => desk.check_new(&FilePath::Member(new.name.clone()))?,
    }
    check_keys_free(desk, &new.recipients, None)?;
    if let Some(like) = &new.like {
        desk.member_keys(like)?;
    }
    for group in groups_like(desk, new.like.as_ref())? {
        key_to_grant(desk, &group)?;
    }
    let Some(like) = &new.like else { return Ok(()) };
    for credential in naming(desk.vault, like.as_str())? {
        let file = desk.vault.credential(&credential)?;
        if let Some((file, terms)) = file.as_ref().and_then(|file| Some((file, file.body()?)))
            && terms.scope.names(like)
        {
            desk.open(file, terms)?;
        }
    }
    Ok(())
}

/// `all`, and the groups of the member to be like. Never the keepers: that is given by name only.
fn groups_like(desk: &Desk<'_, '_, '_>, like: Option<&MemberName>) -> Result<Vec<GroupName>, AuthorError> {
    let mut groups = vec![GroupName::all()];
    if let Some(like) = like {
        let theirs = groups_of(desk.vault, like)?.into_iter();
        groups.extend(theirs.filter(|group| !group.is_reserved()));
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
    for credential in naming(desk.vault, like.as_str())? {
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

/// One key belongs to one member: a second one could otherwise be taken for the first. And none is a group's: whoever has the group would open
/// what is for the member, and keep the group's later keys after leaving, since those are granted to the member.
pub(super) fn check_keys_free(
    desk: &Desk<'_, '_, '_>,
    recipients: &[Recipient],
    but: Option<&MemberName>,
) -> Result<(), AuthorError> {
    for name in desk.vault.member_names()? {
        if Some(&name) == but {
            continue;
        }
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
    for path in desk.vault.paths("groups")? {
        let FilePath::Group(name) = &path else { continue };
        let group = desk.vault.look_at::<Group>(&path)?;
        let Some(key) = group.as_ref().and_then(Verified::body).map(|body| &body.recipient) else {
            continue;
        };
        if recipients.contains(key) {
            return Err(AuthorError::KeyOfGroup {
                key: key.to_string(),
                group: name.clone(),
            });
        }
    }
    Ok(())
}

/// Recipients as a member's file has them: sorted, each once.
pub(super) fn normal(recipients: &[Recipient]) -> Vec<Recipient> {
    let mut recipients = recipients.to_vec();
    recipients.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    recipients.dedup();
    recipients
}
