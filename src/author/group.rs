//! Groups: who is given their keys, and new keys for those who stay when somebody leaves (SPEC.md, sections 10 and 11).
//!
//! A grant is one file. Taking one back takes a new epoch: who left keeps the keys it had, so that what is set from now on is sealed to others.

use std::collections::BTreeSet;

use vault_format::{
    Credential, CredentialName, FilePath, Grant, GrantSubject, Group, GroupKeys, GroupName, Identity, MemberName,
    Recipient, Verified,
};

use super::{
    desk::{Desk, Plan},
    error::AuthorError,
    sealing::seal_all,
};
use crate::vault::{FileProblem, Vault, in_parallel};

/// Makes a group and grants it to its first members. Opens nothing, so that an author who is no keeper can do it.
///
/// # Errors
/// [`AuthorError::GroupExists`], [`AuthorError::UnknownMember`]; those of sealing and signing.
pub fn add_group(
    mut desk: Desk<'_, '_, '_>,
    name: &GroupName,
    members: &BTreeSet<MemberName>,
) -> Result<Plan, AuthorError> {
    if let Some(before) = desk.vault.group(name)? {
        return Err(AuthorError::GroupExists {
            name: name.clone(),
            removed: before.body().is_none(),
        });
    }
    desk.check_new(&FilePath::Group(name.clone()))?;
    for member in members {
        desk.member_keys(member)?;
    }
    let key = Identity::generate();
    desk.write_group(
        name,
        None,
        1,
        key.recipient(),
        &GroupKeys::default().with(1, key.clone()),
    )?;
    for member in members {
        grant_key(&mut desk, name, 1, &key, member)?;
    }
    let whom = match members.is_empty() {
        true => "nobody yet".into(),
        false => listed(members),
    };
    desk.finish(
        &format!("group add {name}"),
        vec![format!("added group {name}: {whom}")],
    )
}

/// Grants a group to members; those who have it at its current epoch stay as they are.
///
/// # Errors
/// [`AuthorError::UnknownGroup`], [`AuthorError::UnknownMember`], [`AuthorError::CannotGrant`], [`AuthorError::NothingToDo`].
pub fn grant_group(
    mut desk: Desk<'_, '_, '_>,
    name: &GroupName,
    members: &BTreeSet<MemberName>,
) -> Result<Plan, AuthorError> {
    let (epoch, _) = desk.group_key(name)?;
    let mut summary = Vec::new();
    for member in members {
        desk.member_keys(member)?;
        let present = desk.vault.grant(name, member)?;
        if present
            .as_ref()
            .and_then(Verified::body)
            .is_some_and(|body| body.epoch == epoch)
        {
            continue;
        }
        grant(&mut desk, name, member)?;
        summary.push(match name == &GroupName::keepers() {
            true => format!("{member} is a keeper now: it can open every credential, those of before too"),
            false => format!("granted {name} to {member}, with all values that the group could ever open"),
        });
    }
    desk.finish(&format!("group grant {name} {}", listed(members)), summary)
}

/// Takes a group from members: the group gets new keys, which those who stay are given. For keepers every group gets new ones, since a keeper
/// could open them all.
///
/// # Errors
/// [`AuthorError::NotInGroup`], [`AuthorError::EveryMemberHas`], [`AuthorError::LastKeeper`], [`AuthorError::CannotGrant`].
pub fn revoke_group(
    mut desk: Desk<'_, '_, '_>,
    name: &GroupName,
    members: &BTreeSet<MemberName>,
) -> Result<Plan, AuthorError> {
    if name == &GroupName::all() {
        return Err(AuthorError::EveryMemberHas);
    }
    desk.group_key(name)?;
    for member in members {
        if !desk.vault.is_granted(name, member)? {
            return Err(AuthorError::NotInGroup {
                group: name.clone(),
                member: member.clone(),
            });
        }
    }
    let mut summary = vec![format!("took {name} from {}", listed(members))];
    summary.extend(renew_without(&mut desk, std::slice::from_ref(name), members)?);
    desk.finish(&format!("group revoke {name} {}", listed(members)), summary)
}

/// Removes a group that no scope names, leaving tombstones for it and its grants.
///
/// # Errors
/// [`AuthorError::GroupInUse`], [`AuthorError::UnknownGroup`], [`AuthorError::Reserved`]; those of signing.
pub fn remove_group(mut desk: Desk<'_, '_, '_>, name: &GroupName) -> Result<Plan, AuthorError> {
    if name.is_reserved() {
        return Err(AuthorError::Reserved(name.clone()));
    }
    let file = living(desk.vault, name)?;
    let credentials = naming(desk.vault, &format!("@{name}"))?;
    if !credentials.is_empty() {
        return Err(AuthorError::GroupInUse {
            group: name.clone(),
            credentials,
        });
    }
    for Granted { member, serial, .. } in grants(desk.vault, name)? {
        let head = desk.head::<Grant>(subject(name, &member), Some(serial), None);
        desk.write_plain(head)?;
    }
    desk.trailer("Fleetvault-Group", name);
    let head = desk.head::<Group>(name.clone(), Some(file.serial()), None);
    desk.write_plain(head)?;
    desk.finish(&format!("group remove {name}"), vec![format!("removed group {name}")])
}

/// Gives groups new keys without `leaving`, and all groups if one of them is that of the keepers. Tells what a person should know.
pub(super) fn renew_without(
    desk: &mut Desk<'_, '_, '_>,
    groups: &[GroupName],
    leaving: &BTreeSet<MemberName>,
) -> Result<Vec<String>, AuthorError> {
    let keepers = GroupName::keepers();
    let mut renewed = Vec::from(groups);
    if groups.contains(&keepers) {
        check_one_stays(desk, leaving)?;
        // The keepers first: all others are sealed to their new key.
        renewed = living_groups(desk.vault)?;
        renewed.sort_by_key(|group| group != &keepers);
    }
    let mut summary = Vec::new();
    for group in &renewed {
        let leaving = match groups.contains(group) {
            true => leaving,
            false => &BTreeSet::new(),
        };
        let (epoch, stay, outdated) = renew(desk, group, leaving)?;
        let stay = match stay {
            1 => "the one who stays".to_owned(),
            more => format!("{more} who stay"),
        };
        summary.push(format!("group {group} has new keys, epoch {epoch}, for {stay}"));
        summary.extend(outdated.iter().map(|member| {
            format!("not for {member}, whose grant is of an epoch that was over: 'fleetvault verify' says what to do")
        }));
    }
    Ok(summary)
}

/// Refuses that the last keeper goes. One whose grant outlived its member, as a merge can leave it, or is of an epoch that is over, keeps nothing.
fn check_one_stays(desk: &Desk<'_, '_, '_>, leaving: &BTreeSet<MemberName>) -> Result<(), AuthorError> {
    let (now, _) = desk.group_key(&GroupName::keepers())?;
    for Granted { member, epoch, .. } in grants(desk.vault, &GroupName::keepers())? {
        if !leaving.contains(&member) && epoch >= now && keys_of_living(desk, &member)?.is_some() {
            return Ok(());
        }
    }
    Err(AuthorError::LastKeeper)
}

/// Starts a group's next epoch: a new key pair, and a grant for everybody who stays. Returns the epoch, how many these are, and whom it left out.
///
/// A grant of an epoch that is over already says nothing of who is to stay: somebody with push rights may have put it back. It stays as it is.
fn renew(
    desk: &mut Desk<'_, '_, '_>,
    group: &GroupName,
    leaving: &BTreeSet<MemberName>,
) -> Result<(u64, usize, Vec<MemberName>), AuthorError> {
    let file = living(desk.vault, group)?;
    let keyring = desk.keyring.ok_or(AuthorError::NoIdentity)?;
    let keys = keyring.group_keys(group)?;
    let keys = keys.ok_or_else(|| AuthorError::CannotGrant(group.clone()))?;
    let (before, _) = desk.group_key(group)?;
    if let Some(body) = file.body()
        && keys.epoch(before).is_none_or(|key| key.recipient() != &body.recipient)
    {
        let problem = FileProblem::Contradiction("its payload does not hold the private half of its recipient".into());
        return Err(desk
            .vault
            .error(FilePath::Group(group.clone()).to_string(), problem)
            .into());
    }
    let (epoch, key) = (before + 1, Identity::generate());
    let keys = keys.with(epoch, key.clone());
    desk.write_group(group, Some(file.serial()), epoch, key.recipient(), &keys)?;
    let (mut stay, mut outdated) = (Vec::new(), Vec::new());
    for Granted {
        member,
        serial,
        epoch: of,
    } in grants(desk.vault, group)?
    {
        // A grant that outlived its member is nobody's.
        match keys_of_living(desk, &member)?.filter(|_| !leaving.contains(&member)) {
            Some(_) if of < before => outdated.push(member),
            Some((member_epoch, recipients)) => {
                let body = Grant::to(&member, member_epoch, epoch);
                let head = desk.head(subject(group, &member), Some(serial), Some(body));
                stay.push((head, recipients));
            }
            None => {
                let head = desk.head::<Grant>(subject(group, &member), Some(serial), None);
                desk.write_plain(head)?;
            }
        }
    }
    let count = stay.len();
    let line = key.expose_line();
    let line = line.ok_or_else(|| AuthorError::CannotGrant(group.clone()))?;
    for draft in seal_all(stay, &line, desk.plugins())? {
        desk.sign(draft)?;
    }
    Ok((epoch, count, outdated))
}

/// The epoch and keys of a member, if it is one.
fn keys_of_living(desk: &Desk<'_, '_, '_>, member: &MemberName) -> Result<Option<(u64, Vec<Recipient>)>, AuthorError> {
    match desk.member_keys(member) {
        Ok(keys) => Ok(Some(keys)),
        Err(AuthorError::UnknownMember { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Seals a group's current key to a member.
pub(super) fn grant(desk: &mut Desk<'_, '_, '_>, group: &GroupName, member: &MemberName) -> Result<(), AuthorError> {
    let (epoch, key) = key_to_grant(desk, group)?;
    grant_key(desk, group, epoch, &key, member)
}

/// The current key of a group, if the author has it.
pub(super) fn key_to_grant(desk: &Desk<'_, '_, '_>, group: &GroupName) -> Result<(u64, Identity), AuthorError> {
    let (epoch, _) = desk.group_key(group)?;
    let keyring = desk.keyring.ok_or(AuthorError::NoIdentity)?;
    let key = keyring.group_key(group, epoch)?;
    Ok((epoch, key.ok_or_else(|| AuthorError::CannotGrant(group.clone()))?))
}

fn grant_key(
    desk: &mut Desk<'_, '_, '_>,
    group: &GroupName,
    epoch: u64,
    key: &Identity,
    member: &MemberName,
) -> Result<(), AuthorError> {
    let (member_epoch, recipients) = desk.member_keys(member)?;
    let before = desk.vault.grant(group, member)?.as_ref().map(Verified::serial);
    let head = desk.head(
        subject(group, member),
        before,
        Some(Grant::to(member, member_epoch, epoch)),
    );
    let line = key.expose_line();
    let line = line.ok_or_else(|| AuthorError::CannotGrant(group.clone()))?;
    desk.write_sealed(head, &line, &recipients)
}

fn subject(group: &GroupName, member: &MemberName) -> GrantSubject {
    GrantSubject {
        group: group.clone(),
        member: member.clone(),
    }
}

pub(super) fn living(vault: &Vault<'_>, name: &GroupName) -> Result<Verified<Group>, AuthorError> {
    let file = vault.group(name)?.filter(|file| file.body().is_some());
    file.ok_or_else(|| AuthorError::UnknownGroup(name.clone()))
}

/// The members who have a living grant of a group.
///
/// # Errors
/// [`AuthorError::File`] where one of the grants is not to be trusted: whoever it was for would be left out, or be given what it had lost.
pub fn granted(vault: &Vault<'_>, group: &GroupName) -> Result<Vec<MemberName>, AuthorError> {
    Ok(grants(vault, group)?.into_iter().map(|grant| grant.member).collect())
}

/// Who has a group, by which version of its grant, and at which epoch.
struct Granted {
    member: MemberName,
    serial: u64,
    epoch: u64,
}

/// The same, with what the grants say.
fn grants(vault: &Vault<'_>, group: &GroupName) -> Result<Vec<Granted>, AuthorError> {
    let mut members = Vec::new();
    for path in vault.paths("grants")? {
        if let FilePath::Grant(of, member) = path
            && &of == group
            && let Some(grant) = vault.grant(group, &member)?
            && let Some(body) = grant.body()
        {
            let (serial, epoch) = (grant.serial(), body.epoch);
            members.push(Granted { member, serial, epoch });
        }
    }
    Ok(members)
}

/// The groups that a member has, `all` included.
pub(super) fn groups_of(vault: &Vault<'_>, member: &MemberName) -> Result<Vec<GroupName>, AuthorError> {
    let mut groups = Vec::new();
    for path in vault.paths("grants")? {
        if let FilePath::Grant(group, of) = path
            && &of == member
            && vault.is_granted(&group, member)?
        {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// All groups that are not removed.
///
/// # Errors
/// [`AuthorError::File`].
pub fn living_groups(vault: &Vault<'_>) -> Result<Vec<GroupName>, AuthorError> {
    let mut groups = Vec::new();
    for path in vault.paths("groups")? {
        if let FilePath::Group(name) = path
            && vault.group(&name)?.is_some_and(|file| file.body().is_some())
        {
            groups.push(name);
        }
    }
    Ok(groups)
}

/// The living credentials whose scope names a group; those for everyone, for `all`.
///
/// # Errors
/// [`AuthorError::File`].
pub fn scoped_to_group(vault: &Vault<'_>, name: &GroupName) -> Result<Vec<CredentialName>, AuthorError> {
    match name == &GroupName::all() {
        true => naming(vault, "*"),
        false => naming(vault, &format!("@{name}")),
    }
}

/// The living credentials whose scope names `entry` itself, sorted. Only those that hold its line at all are read as files: `*` reaches everybody
/// without naming anybody, and of ten thousand credentials few name one member.
pub(super) fn naming(vault: &Vault<'_>, entry: &str) -> Result<Vec<CredentialName>, AuthorError> {
    let mut names = Vec::new();
    for path in holding(vault, &format!("\n  \"{entry}\",\n"))? {
        let found = vault.look_at::<Credential>(&path)?;
        let scope = found
            .as_ref()
            .and_then(Verified::body)
            .map(|terms| terms.scope.entries());
        if let FilePath::Credential(name) = path
            && scope.is_some_and(|entries| entries.iter().any(|found| found == entry))
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The paths of all credentials in whose files these bytes stand, whatever they mean there. Searched for on all processors.
fn holding(vault: &Vault<'_>, bytes: &str) -> Result<Vec<FilePath>, AuthorError> {
    let finder = memchr::memmem::Finder::new(bytes);
    let files = vault.snapshot().files(&["credentials"]);
    let files = files.map_err(|error| vault.error("credentials", error))?;
    let found = in_parallel(&vault.snapshot().place(), &files, &|_| {}, |_, snapshot, file| {
        let path = FilePath::parse(&file.path).filter(|path| matches!(path, FilePath::Credential(_)))?;
        let contents = snapshot.read_blob(file).ok()?;
        finder.find(&contents).map(|_| path)
    });
    let found = found.map_err(|problem| vault.error("credentials", FileProblem::Contradiction(problem)))?;
    Ok(found.into_iter().flatten().collect())
}

/// Names for people, as they would be typed.
pub(super) fn listed<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.join(", ")
}
