//! What is left to do when somebody goes: the values that are still known.

use std::collections::BTreeSet;

use fleetvault::{cli::Failure, review::exposure::Exposure, vault::Vault};
use vault_format::{Credential, CredentialName, FilePath, GroupName, MemberName, Scope, Verified};

use super::exposure;

/// The current values that a member ever could open: what is to be rotated when it is gone.
pub fn known_to(vault: &Vault<'_>, member: &MemberName) -> Result<Vec<CredentialName>, Failure> {
    let found = read(vault)?;
    let known = found.known_to(member).into_iter();
    Ok(known.map(|(name, ..)| name.clone()).collect())
}

/// The current values that members know, and may use no more once they have lost a group: that of the keepers opens everything.
pub fn known_through(
    vault: &Vault<'_>,
    group: &GroupName,
    members: &BTreeSet<MemberName>,
) -> Result<Vec<CredentialName>, Failure> {
    let found = read(vault)?;
    let mut names = BTreeSet::new();
    for member in members {
        for (name, ..) in found.known_to(member) {
            let file = vault.look_at::<Credential>(&FilePath::Credential(name.clone()))?;
            if let Some(terms) = file.as_ref().and_then(Verified::body)
                && !reaches_without(vault, &terms.scope, member, group)?
            {
                names.insert(name.clone());
            }
        }
    }
    Ok(names.into_iter().collect())
}

fn read(vault: &Vault<'_>) -> Result<Exposure, Failure> {
    let found = exposure::read(vault, &[], false)?;
    exposure::remark(&found);
    Ok(found)
}

fn reaches_without(
    vault: &Vault<'_>,
    scope: &Scope,
    member: &MemberName,
    without: &GroupName,
) -> Result<bool, Failure> {
    if scope == &Scope::Everyone || scope.names(member) {
        return Ok(true);
    }
    for group in scope.groups() {
        if &group != without && vault.is_granted(&group, member)? {
            return Ok(true);
        }
    }
    Ok(false)
}
