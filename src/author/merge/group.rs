//! Groups and grants. A group's keys are never blended: what was sealed to the keys of the side that loses could not be opened any more. A
//! grant is the group's key sealed to a member, which can be done again.

use std::slice;

use vault_format::{
    FilePath, Grant, GrantSubject, Group, GroupName, Holder, HolderName, Member, MemberName, SealedTo, Verified,
};

use super::{
    super::{desk::Desk, error::AuthorError, reading::group_key},
    error::{MergeError, Which},
    ruling::{Judge, Ruling},
    versions::{Conflicted, Verdict, Versions},
};
use crate::vault::FileChange;

/// The side of a group or grant that the rest of the merge has to find in the vault.
pub(super) fn stand_in(
    desk: &Desk<'_, '_, '_>,
    file: &Conflicted,
    ruling: &Ruling,
) -> Result<Option<FileChange>, AuthorError> {
    match &file.path {
        FilePath::Group(_) => {
            let versions = Versions::<Group>::read(desk.vault, file)?;
            Ok(which_group(&versions, ruling)?.and_then(|which| versions.as_change(which)))
        }
        FilePath::Grant(..) => {
            let versions = Versions::<Grant>::read(desk.vault, file)?;
            let which = match judge_grant(&versions, ruling)? {
                Verdict::Side(which) => Some(which),
                Verdict::Both => Some(newer_grant(&versions)),
                Verdict::Removed => removed_side(&versions),
            };
            Ok(which.and_then(|which| versions.as_change(which)))
        }
        _ => Ok(None),
    }
}

/// Merges a group, whose keys are those of one side.
pub(super) fn merge(
    desk: &mut Desk<'_, '_, '_>,
    name: &GroupName,
    file: &Conflicted,
    ruling: &Ruling,
) -> Result<String, AuthorError> {
    let versions = Versions::<Group>::read(desk.vault, file)?;
    let Some(which) = which_group(&versions, ruling)? else {
        return versions.remove(desk);
    };
    let Some((side, body)) = versions.side(which).and_then(|side| Some((side, side.body()?))) else {
        return versions.remove(desk);
    };
    let mut holders = vec![(
        Holder {
            name: HolderName::Group(name.clone()),
            epoch: body.epoch,
        },
        body.recipient.clone(),
    )];
    if name != &GroupName::keepers() {
        let (epoch, keys) = group_key(desk.vault, &GroupName::keepers())?;
        let holder = Holder {
            name: HolderName::Group(GroupName::keepers()),
            epoch,
        };
        holders.extend(keys.into_iter().map(|key| (holder.clone(), key)));
    }
    holders.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (names, recipients): (Vec<_>, Vec<_>) = holders.into_iter().unzip();
    let sealed_to = SealedTo::new(names).ok_or_else(|| AuthorError::CannotGrant(name.clone()))?;
    if body.sealed_to == sealed_to && versions.can_stay(desk.vault, which) {
        return Ok(versions.keep(desk, which));
    }
    let keyring = desk.keyring.ok_or(AuthorError::NoIdentity)?;
    let either = [name.clone(), GroupName::keepers()].map(HolderName::Group);
    let opened = keyring.open(side, &versions.path, either);
    let keys = opened.map_err(|error| cannot_grant(name, error))?.into_value();
    let head = desk.head(
        name.clone(),
        Some(versions.before),
        Some(Group {
            sealed_to,
            ..body.clone()
        }),
    );
    desk.write_sealed(head, &keys, &recipients)?;
    Ok(versions.told(&[]))
}

/// Merges a grant: where it stands, the group's current key is sealed anew to the member's current keys.
pub(super) fn merge_grant(
    desk: &mut Desk<'_, '_, '_>,
    group: &GroupName,
    member: &MemberName,
    file: &Conflicted,
    ruling: &Ruling,
) -> Result<String, AuthorError> {
    let versions = Versions::<Grant>::read(desk.vault, file)?;
    let verdict = judge_grant(&versions, ruling)?;
    let removed_side =
        matches!(verdict, Verdict::Side(which) if versions.side(which).is_some_and(|side| side.body().is_none()));
    let member_is_gone = desk
        .vault
        .look_at::<Member>(&FilePath::Member(member.clone()))?
        .is_some_and(|file| file.body().is_none());
    if verdict == Verdict::Removed || removed_side || member_is_gone {
        return versions.remove(desk);
    }
    let (epoch, _) = group_key(desk.vault, group)?;
    let (member_epoch, recipients) = desk.member_keys(member)?;
    let body = Grant::to(member, member_epoch, epoch);
    let stays = |which| {
        let says = versions.side(which).and_then(Verified::body);
        says == Some(&body) && versions.can_stay(desk.vault, which)
    };
    if let Verdict::Side(which) = verdict
        && stays(which)
    {
        return Ok(versions.keep(desk, which));
    }
    let key = match desk.keyring {
        Some(keyring) => keyring.group_key(group, epoch)?,
        None => None,
    };
    let Some(line) = key.and_then(|key| key.expose_line()) else {
        // Who cannot grant can still take what an author has granted.
        return match [Which::Ours, Which::Theirs].into_iter().find(|which| stays(*which)) {
            Some(which) => Ok(versions.keep(desk, which)),
            None => Err(AuthorError::CannotGrant(group.clone())),
        };
    };
    let subject = GrantSubject {
        group: group.clone(),
        member: member.clone(),
    };
    let head = desk.head(subject, Some(versions.before), Some(body));
    desk.write_sealed(head, &line, &recipients)?;
    Ok(versions.told(slice::from_ref(&"granted anew".to_owned())))
}

/// Whose keys a group has from now on; `None` where it is removed.
fn which_group(versions: &Versions<Group>, ruling: &Ruling) -> Result<Option<Which>, AuthorError> {
    let path = versions.path.to_string();
    let mut judge = Judge::new(ruling);
    let keys = |group: &Group| (group.epoch, group.recipient.clone());
    let verdict = versions.judge(&mut judge, |_, side, base| keys(side) == keys(base));
    judge.settle(&path)?;
    versions.refuse_old_keys(verdict, ruling.course)?;
    let (ours, theirs) = match (verdict, versions.living()) {
        (Verdict::Side(which), _) => return Ok(Some(which)),
        (Verdict::Both, Some(living)) => living,
        _ => return Ok(None),
    };
    let unchanged = |side: &Group| versions.base_body().is_some_and(|base| keys(base) == keys(side));
    match (keys(ours) == keys(theirs), unchanged(ours), unchanged(theirs)) {
        (true, ..) => Ok(Some(
            match versions.ours.as_ref().map(Verified::serial) >= versions.theirs.as_ref().map(Verified::serial) {
                true => Which::Ours,
                false => Which::Theirs,
            },
        )),
        (_, true, _) => Ok(Some(Which::Theirs)),
        (_, _, true) => Ok(Some(Which::Ours)),
        _ => Err(MergeError::GroupDiverged(path).into()),
    }
}

fn judge_grant(versions: &Versions<Grant>, ruling: &Ruling) -> Result<Verdict, AuthorError> {
    let mut judge = Judge::new(ruling);
    let verdict = versions.judge(&mut judge, |_, side, base| side == base);
    judge.settle(&versions.path.to_string())?;
    versions.refuse_old_keys(verdict, ruling.course)?;
    Ok(verdict)
}

fn newer_grant(versions: &Versions<Grant>) -> Which {
    match versions.living() {
        Some((ours, theirs)) if theirs.epoch > ours.epoch => Which::Theirs,
        _ => Which::Ours,
    }
}

/// The side that has a tombstone.
fn removed_side(versions: &Versions<Grant>) -> Option<Which> {
    let is_removed = |which: &Which| versions.side(*which).is_some_and(|side| side.body().is_none());
    [Which::Ours, Which::Theirs].into_iter().find(is_removed)
}

fn cannot_grant(name: &GroupName, error: crate::resolver::KeyringError) -> AuthorError {
    match error {
        crate::resolver::KeyringError::NoKey(_) => AuthorError::CannotGrant(name.clone()),
        crate::resolver::KeyringError::File(error) => AuthorError::File(error),
    }
}
