//! What is left to do when somebody goes: the values that are still known.

use std::collections::BTreeSet;

use fleetvault::{
    cli::Failure,
    review::exposure::{Asked, Exposure},
    vault::{FileChange, Vault},
};
use vault_format::{CredentialName, FilePath, GroupName, MemberName};

use super::exposure;

/// The current values that a member ever could open: what is to be rotated when it is gone.
pub fn known_to(vault: &Vault<'_>, member: &MemberName) -> Result<Vec<CredentialName>, Failure> {
    let found = read(vault, std::slice::from_ref(member))?;
    let known = found.known_to(member).into_iter();
    Ok(known.map(|(name, ..)| name.clone()).collect())
}

/// The current values that members know, and may use no more once they have lost a group: that of the keepers opens everything.
pub fn known_through(
    vault: &Vault<'_>,
    group: &GroupName,
    members: &BTreeSet<MemberName>,
) -> Result<Vec<CredentialName>, Failure> {
    let found = read(vault, &Vec::from_iter(members.iter().cloned()))?;
    let mut names = BTreeSet::new();
    for member in members {
        let reached_by = entries_without(vault, member, group)?;
        for (name, value, _) in found.known_to(member) {
            if !value.scope.iter().any(|entry| reached_by.contains(entry)) {
                names.insert(name.clone());
            }
        }
    }
    Ok(names.into_iter().collect())
}

/// Which of the credentials that were sealed anew somebody knows who may not use them: what is in the history can still be opened there.
pub fn known_of(vault: &Vault<'_>, files: &[FileChange]) -> Result<Vec<CredentialName>, Failure> {
    let names = files.iter().filter_map(|file| match FilePath::parse(&file.path) {
        Some(FilePath::Credential(name)) => Some(name),
        _ => None,
    });
    let names: Vec<CredentialName> = names.collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let asked = Asked {
        credentials: &names,
        ..Asked::default()
    };
    let found = exposure::read(vault, &asked, false)?;
    exposure::remark(&found);
    Ok(found.worklist().map(|(name, _)| name.clone()).collect())
}

fn read(vault: &Vault<'_>, members: &[MemberName]) -> Result<Exposure, Failure> {
    let asked = Asked {
        members,
        ..Asked::default()
    };
    let found = exposure::read(vault, &asked, false)?;
    exposure::remark(&found);
    Ok(found)
}

/// The entries of a scope that reach a member once it has lost a group.
fn entries_without(vault: &Vault<'_>, member: &MemberName, without: &GroupName) -> Result<BTreeSet<String>, Failure> {
    let mut entries = BTreeSet::from(["*".to_owned(), member.to_string()]);
    for path in vault.paths("grants")? {
        if let FilePath::Grant(group, of) = path
            && &of == member
            && &group != without
            && vault.is_granted(&group, member)?
        {
            entries.insert(format!("@{group}"));
        }
    }
    Ok(entries)
}
