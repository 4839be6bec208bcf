//! Sealing anew what an author's clone wrote to keys that were over already: values, scopes and policies stay as they are.

use vault_format::{FilePath, GroupName};

use super::{
    credential::ScopeChange,
    desk::{Desk, Plan},
    error::AuthorError,
    group::{grant, living},
    leaving::reseal_credential,
};

/// Seals files to the keys of now: credentials, grants and groups. Others have nothing to seal.
///
/// # Errors
/// [`AuthorError::NothingToDo`], [`AuthorError::CannotOpen`], [`AuthorError::CannotGrant`]; those of sealing and signing.
pub fn reseal(mut desk: Desk<'_, '_, '_>, files: &[FilePath]) -> Result<Plan, AuthorError> {
    let mut summary = Vec::new();
    for path in files {
        match path {
            FilePath::Group(name) => group(&mut desk, name)?,
            FilePath::Grant(group, member) => grant(&mut desk, group, member)?,
            FilePath::Credential(name) => {
                if !reseal_credential(&mut desk, name, &ScopeChange::Keep)? {
                    continue;
                }
            }
            FilePath::Member(_) | FilePath::Root(_) => continue,
        }
        summary.push(format!("sealed {path} to the keys of now"));
    }
    let subject = match files {
        [one] => format!("reseal {one}"),
        many => format!("reseal {} files", many.len()),
    };
    desk.finish(&subject, summary)
}

/// Seals the private keys of a group to itself and to the keepers of now.
fn group(desk: &mut Desk<'_, '_, '_>, name: &GroupName) -> Result<(), AuthorError> {
    let file = living(desk.vault, name)?;
    let Some(body) = file.body() else { return Ok(()) };
    let keyring = desk.keyring.ok_or(AuthorError::NoIdentity)?;
    let keys = keyring.group_keys(name)?;
    let keys = keys.ok_or_else(|| AuthorError::CannotGrant(name.clone()))?;
    desk.write_group(name, Some(file.serial()), body.epoch, &body.recipient, &keys)
}
